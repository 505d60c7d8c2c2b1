import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DebuggerClient, inspect } from './debugger-client.js'
import { recordInputs } from './rig.js'

const REFUSED = /is refused: what is evaluated in a replay/

t.test('[B21] what is evaluated while a program is stopped reads, and does nothing', async (t) => {
  const dir = t.testdir({ 'main.cjs': 'console.log(Date.now())', here: { old: 'old' } })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  const here = join(dir, 'here')
  const [old, made] = [join(here, 'old'), join(here, 'new')].map((path) => JSON.stringify(path)) as [string, string]
  const stop = async () => {
    const held = await inspect(dir, [])
    const client = await DebuggerClient.connect(held.address)
    const [frame] = await client.attach()
    const attempt = (code: string) =>
      client.evaluate(frame!, `(() => { try { return String(${code}) } catch (error) { return error.message } })()`)
    return { client, attempt, ended: held.ended }
  }
  const one = await stop()
  t.equal(await one.attempt(`require('fs').readFileSync(${old}, 'utf8')`), 'old')
  t.equal(await one.attempt(`require('fs').readdirSync(${JSON.stringify(here)})`), 'old')
  const effects = [
    `require('fs').writeFileSync(${made}, 'x')`,
    `require('fs').writeSync(1, 'x')`,
    `require('fs').appendFileSync(${old}, 'x')`,
    `require('fs').closeSync(require('fs').openSync(${made}, 'w'))`,
    `require('fs').unlinkSync(${old})`,
    `require('fs').rmSync(${old})`,
    `require('fs').mkdirSync(${made})`,
    `require('fs').renameSync(${old}, ${made})`,
    `require('fs').copyFileSync(${old}, ${made})`,
    `require('child_process').execSync('touch ' + ${made})`,
    `process.kill(process.ppid, 'SIGTERM')`,
    `process.chdir('/')`,
  ]
  for (const code of effects) t.match(await one.attempt(code), REFUSED, code)
  t.same(readdirSync(here), ['old'])
  await one.client.post('Debugger.resume')
  const { stdout, verdict } = await one.ended
  t.match(verdict(), { kind: 'exact', code: 0 })
  t.equal(stdout, recorded.stdout)
  // Of these Node's own modules note something before they ask: a change.
  const other = await stop()
  const noted = [
    `require('child_process').spawn('touch', [${made}])`,
    `require('net').createServer().listen(0)`,
    `process.exit(3)`,
    `new (require('worker_threads').Worker)('1', { eval: true })`,
  ]
  for (const code of noted) t.match(await other.attempt(code), REFUSED, code)
  await other.client.post('Debugger.resume')
  await other.ended
  t.same(readdirSync(here), ['old'])
})
