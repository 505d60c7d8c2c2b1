import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')

/** What each room may import of ours, and why. */
const RULES: readonly { readonly room: string; readonly may: readonly string[]; readonly because: string }[] = [
  { room: 'src', may: ['src'], because: 'the ground floor says what a recording is and imports nothing above it' },
  { room: 'recorder', may: ['src', 'recorder'], because: 'only a recording passes between recorder and replayer' },
  {
    room: 'replayer/faces',
    may: ['src', 'replayer'],
    because: 'faces enter through the query API and never reach into the recorder',
  },
  { room: 'replayer', may: ['src', 'replayer'], because: 'only a recording passes between recorder and replayer' },
]

/** The command-line entry loads the command it was asked for, from either side (DESIGN §2). */
const ENTRY = 'replayer/faces/cli/main.ts'

/** Third parties are fenced: each may be named (other than as a type) by these files only. */
const FENCES: Readonly<Record<string, RegExp>> = {
  level: /^src\/log\/level-store\.ts$/,
  'classic-level': /^$/,
  'msgpackr/pack': /^src\/values\//,
  msgpackr: /^$/,
  'fast-json-patch': /^src\/json\//,
  commander: /^replayer\/faces\/cli\//,
}

interface Import {
  readonly file: string
  readonly target: string
  readonly typeOnly: boolean
}

function readImports(): Import[] {
  const found: Import[] = []
  for (const room of ['src', 'recorder', 'replayer'].filter((room) => existsSync(join(ROOT, room)))) {
    for (const name of readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(name)) continue
      const file = join(room, name)
      const text = readFileSync(join(ROOT, file), 'utf8')
      const pattern =
        /(?:^|\n)(?:import|export)\s+(type\s+)?(?:[\w$*{}\s,]+?\s+from\s+)?['"]([^'"\n]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g
      for (const match of text.matchAll(pattern)) {
        const target = match[2] ?? match[3] ?? ''
        found.push({ file, target, typeOnly: match[1] !== undefined })
      }
    }
  }
  return found
}

function toRoom(path: string): string {
  if (path.startsWith('replayer/faces')) return 'replayer/faces'
  return path.split('/')[0] ?? ''
}

function toFace(path: string): string | undefined {
  return /^replayer\/faces\/([^/]+)\//.exec(path)?.[1]
}

const imports = readImports()

t.test('[H1] imports go one way: src ← recorder, src ← replayer ← faces', async (t) => {
  t.ok(imports.filter(({ target }) => target.startsWith('.')).length > 5, 'imports were read')
  for (const { file, target } of imports) {
    if (!target.startsWith('.') || file === ENTRY) continue
    const path = relative(ROOT, resolve(ROOT, dirname(file), target))
    const rule = RULES.find(({ room }) => file.startsWith(`${room}/`))
    const allowed = rule?.may.some((room) => path.startsWith(`${room}/`)) ?? false
    if (!allowed) t.fail(`${file} imports ${path}: ${rule?.because}`)
    if (toRoom(file) === 'replayer' && path.startsWith('replayer/faces')) {
      t.fail(`${file} imports ${path}: the query API does not know its faces`)
    }
    const [from, to] = [toFace(file), toFace(path)]
    if (from && to && from !== to) t.fail(`${file} imports ${path}: faces never import each other`)
  }
})

t.test('[H2] each third party is named in its own place only', async (t) => {
  for (const { file, target, typeOnly } of imports) {
    if (target.startsWith('.') || target.startsWith('node:') || typeOnly) continue
    const fence = FENCES[target]
    if (!fence) t.fail(`${file} imports ${target}, which is no dependency that the house knows`)
    else if (!fence.test(file)) t.fail(`${file} imports ${target}, which is fenced to ${fence}`)
  }
})

t.test('[H3] each file of the recorder and the replayer stands in its room’s map', async (t) => {
  for (const room of ['recorder', 'replayer']) {
    const map = readFileSync(join(ROOT, room, 'README.md'), 'utf8')
    for (const name of readdirSync(join(ROOT, room)).filter((file) => file.endsWith('.ts'))) {
      t.ok(map.includes(`\`${name}\``), `${room}/README.md says what ${name} is`)
    }
  }
})
