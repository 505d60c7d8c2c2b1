import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

interface Program {
  readonly words: readonly string[]
  readonly files: Readonly<Record<string, string>>
  readonly code?: number
  readonly shows: RegExp
}

const HOOKS = `
  let port
  export function initialize(data) {
    port = data?.port
    port?.postMessage(['initialized', data.at, Math.random()])
    port?.unref()
  }
  export async function resolve(specifier, context, next) {
    if (specifier === 'made:missing') throw new TypeError('no such module ' + Math.random())
    if (specifier.startsWith('made:')) return { url: specifier, shortCircuit: true }
    return next(specifier, context)
  }
  export async function load(url, context, next) {
    if (url === 'made:broken') throw Object.assign(new Error('broken'), { code: 'EBROKEN' })
    if (url === 'made:exit') process.exit(7)
    if (url === 'made:never') return new Promise(() => {})
    if (!url.startsWith('made:')) return next(url, context)
    if (url === 'made:late') await new Promise((done) => setTimeout(done, 20))
    console.log('the hooks load', url)
    const source = 'export default ' + JSON.stringify(url + Math.random()) + '; console.log("runs", import.meta.url)'
    return { format: 'module', source: Buffer.from(source), shortCircuit: true }
  }`

const PROGRAMS: Readonly<Record<string, Program>> = {
  'what hooks resolved, loaded, threw and sent': {
    words: ['main.mjs'],
    files: {
      'main.mjs': `
        import { register } from 'node:module'
        import { MessageChannel } from 'node:worker_threads'
        import { AsyncLocalStorage } from 'node:async_hooks'
        const { port1, port2 } = new MessageChannel()
        port1.on('message', (message) => console.log('from the hooks', message)).unref()
        const data = { port: port2, at: Date.now() }
        register('./hooks.mjs', { parentURL: import.meta.url, data, transferList: [port2] })
        try { register('./nowhere.mjs', import.meta.url) } catch (error) { console.log(error.code, error.message) }
        const { default: one } = await import('made:one')
        console.log(one, import.meta.resolve('made:two'))
        const storage = new AsyncLocalStorage()
        const wanted = ['made:two', 'made:three', 'made:missing', './real.mjs', './real.cjs', 'made:broken']
        const all = await storage.run(5, () => Promise.allSettled(wanted.map(async (name) => {
          const { default: value } = await import(name)
          console.log(storage.getStore(), name)
          return value
        })))
        for (const { status, value, reason } of all) console.log(status, value, String(reason), reason?.code, reason instanceof Error)
        let ticks = 0
        const timer = setInterval(() => console.log('tick', ++ticks, Date.now()), 1)
        await import('made:late')
        clearInterval(timer)
        // From Node 24 on a module that is never loaded keeps a process alive.
        if (Number.parseInt(process.versions.node) < 24) import('made:never').then(() => console.log('never'))`,
      'hooks.mjs': HOOKS,
      'real.mjs': 'export default "real"',
      'real.cjs': 'module.exports = require("./other.cjs")',
      'other.cjs': 'module.exports = "other"',
    },
    shows: /rejected undefined Error: broken EBROKEN true/,
  },
  'hooks that end the program': {
    words: ['main.mjs'],
    files: {
      'main.mjs': `
        import { register } from 'node:module'
        process.on('exit', (code) => console.log('ends with', code, Date.now()))
        register('./hooks.mjs', import.meta.url)
        await import('made:exit')`,
      'hooks.mjs': HOOKS,
    },
    code: 7,
    shows: /ends with 7/,
  },
  'hooks given on the command line, in a worker too': {
    words: ['--no-warnings', '--loader', './hooks.mjs', 'main.mjs'],
    files: {
      'main.mjs': `
        import { Worker } from 'node:worker_threads'
        import made from 'made:first'
        console.log(made, Date.now())
        new Worker('import("made:inside").then(({ default: made }) => console.log(made, Date.now()))', { eval: true })`,
      'hooks.mjs': HOOKS,
    },
    shows: /made:first0\.\d+/,
  },
}

for (const [name, { words, files, code = 0, shows }] of Object.entries(PROGRAMS)) {
  t.test(`[B1] module hooks: ${name}, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ ...files })
    const recorded = await recordInputs([process.execPath, ...words], { cwd: dir })
    t.equal(recorded.code, code, recorded.stderr)
    t.match(recorded.stdout, shows)
    for (let n = 0; n < TIMES; n++) {
      const { verdict, stdout, stderr } = await replayInputs(dir, ['--thread', '0'])
      t.match(verdict, { kind: 'exact', code })
      t.equal(stdout, recorded.stdout)
      t.equal(stderr, recorded.stderr)
    }
  })
}
