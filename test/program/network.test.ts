import t from 'tap'
import { DATABASE_PROGRAMS } from './database-programs.js'
import { PASSWORD, START } from './database-servers.js'
import { type LoadedProgram, NETWORK_PROGRAMS } from './network-programs.js'
import { recordInputs, replayInputs, TIMES } from './rig.js'

t.setTimeout(480_000)

for (const [name, program] of Object.entries(NETWORK_PROGRAMS)) {
  t.test(`[B1] ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, (t) =>
    checkLoads(t, program, {}),
  )
}

for (const [name, program] of Object.entries(DATABASE_PROGRAMS)) {
  t.test(`[B1] a ${name} client of a real server, which is gone when it is run again`, async (t) => {
    await checkLoads(t, program, { PASSWORD }, program.server)
  })
}

async function checkLoads(t: Tap, program: LoadedProgram, env: NodeJS.ProcessEnv, server?: keyof typeof START) {
  const { file, text, loads } = program
  const counts: number[] = []
  for (const load of loads) {
    const dir = t.testdir({ [file]: text })
    const running = server && (await START[server]())
    if (server && !running) return missing(t, server)
    const words = [process.execPath, file, load]
    const recorded = await recordInputs(words, { cwd: dir, env: { ...env, PORT: running?.port ?? '' } }, ['--keep-env'])
    await running?.stop()
    t.equal(recorded.code, 0, recorded.stderr)
    t.match(recorded.stdout, /\b(end|closed)\b/)
    for (let n = load === loads[1] ? 0 : TIMES - 1; n < TIMES; n++) {
      const replayed = await replayInputs(dir, ['--thread', '0'])
      t.match(replayed.verdict, { kind: 'exact', code: 0 })
      t.equal(replayed.stdout, recorded.stdout)
      t.equal(replayed.stderr, recorded.stderr)
      counts[loads.indexOf(load)] = replayed.verdict.entries
    }
  }
  t.ok(counts[1]! > counts[0]! * 1.1, `entries grow with the load: ${counts}`)
}

type Tap = { readonly [Name in 'testdir' | 'equal' | 'match' | 'ok' | 'fail' | 'comment']: (typeof t)[Name] }

function missing(t: Tap, server: string): void {
  if (process.env['CI'] === 'true') t.fail(`${server} is missing: npm run verify installs it`)
  else t.comment(`SKIPPED: ${server} is missing, so its clients are not tried`)
}
