import { join } from 'node:path'
import t from 'tap'
import { openRecording } from '../../replayer/open.js'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

async function loadNotes(dir: string): Promise<{ fidelity: string; notes: string }> {
  const recording = await openRecording(join(dir, 'program.retro'))
  const { fidelity, fidelityNotes } = await recording.info()
  await recording.close()
  return { fidelity, notes: fidelityNotes.join('\n') }
}

t.test('[B5] whatever cannot be fed is named, as it is recorded, in info and by replay', async (t) => {
  const dir = t.testdir({
    'main.mjs': `
      import v8 from 'node:v8'
      import { WASI } from 'node:wasi'
      import { Worker } from 'node:worker_threads'
      new WASI({ version: 'preview1' })
      v8.getHeapSnapshot().resume()
      const bytes = Buffer.from('0061736d01000000', 'hex')
      await WebAssembly.compileStreaming(new Response(bytes, { headers: { 'content-type': 'application/wasm' } }))
      const worker = new Worker('setInterval(() => {}, 50)', { eval: true })
      worker.on('online', async () => {
        (await worker.getHeapSnapshot()).on('end', () => worker.terminate()).resume()
      })`,
  })
  const recorded = await recordInputs([process.execPath, '--no-warnings', 'main.mjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  const { fidelity, notes } = await loadNotes(dir)
  const replayed = await run([process.execPath, CLI, 'replay', 'program.retro', '--thread', '0'], { cwd: dir })
  t.equal(replayed.code, 1)
  const said = recorded.own.join('\n')
  t.equal(recorded.own.filter((line) => line.includes('not fed')).length, 1, 'one line says it all')
  for (const one of [
    'WASI',
    'a heap snapshot',
    'WebAssembly that is compiled as it streams',
    'a heap snapshot of a worker',
  ]) {
    for (const text of [said, notes, replayed.stderr]) t.match(text, one)
  }
  t.match(notes, /thread 0\.1 can be run again/)
  t.equal(fidelity, 'replayable', 'its worker is')
})

for (const [where, hooks] of [
  ['within another', "{ init: (id, type) => fs.writeSync(1, type + ' ') }"],
  ['makes before a turn begins', "{ before: (id) => fs.writeSync(1, id + ' ') }"],
] as const) {
  t.test(`[B5] a call that a hook ${where} is named`, async (t) => {
    const dir = t.testdir({
      'main.mjs': `
        import { createHook } from 'node:async_hooks'
        import fs from 'node:fs'
        import net from 'node:net'
        createHook(${hooks}).enable()
        setTimeout(() => net.connect(1, '127.0.0.1').on('error', (error) => console.log(error.code)), 1)`,
    })
    const recorded = await recordInputs([process.execPath, 'main.mjs'], { cwd: dir })
    t.match(recorded.stdout, 'ECONNREFUSED', recorded.stderr)
    t.match(recorded.own.join('\n'), where)
    const replayed = await run([process.execPath, CLI, 'replay', 'program.retro'], { cwd: dir })
    t.equal(replayed.code, 1)
    t.match(replayed.stderr, where)
  })
}

t.test('[B9] what is not known is recorded by a default, and named', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const sea = require('node:sea')
      console.log(sea.isSea())
      try { sea.getAsset('nothing') } catch (error) { console.log(error.code) }`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.match(recorded.own.join('\n'), /not known: sea\.isSea \(thread 0\)/)
  const { fidelity, notes } = await loadNotes(dir)
  t.equal(fidelity, 'replayable')
  t.match(notes, /thread 0 used sea\.isSea: not known, what it answered is recorded/)
  const { verdict, stdout } = await replayInputs(dir)
  t.match(verdict, { kind: 'exact' })
  t.equal(stdout, recorded.stdout)
  const listed = await run([process.execPath, CLI, 'events', 'program.retro', '--kind', 'process'], { cwd: dir })
  t.match(listed.stdout, /assumed: sea\.isSea is not known/)
})

t.test('[B5] a program of which all is known is told nothing', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const { builtinModules } = require('node:module')
      for (const name of builtinModules) if (!/^(_|sys|inspector|wasi|trace_events|punycode|node:)/.test(name)) require('node:' + name)
      const { net, util, v8, url, repl } = { net: require('node:net'), util: require('node:util'), v8: require('node:v8'), url: require('node:url'), repl: require('node:repl') }
      const list = new net.BlockList()
      list.addAddress('1.2.3.4')
      console.log(list.check('1.2.3.4'), url.parse('http://a/b').path, util.parseEnv('A=1'), new URL('http://exämple.org').href)
      console.log(v8.deserialize(v8.serialize(new Map([[1, 2]]))), new TextDecoder('gbk').decode(Buffer.from('abc')))
      const { PassThrough } = require('node:stream')
      const input = new PassThrough()
      const output = new PassThrough().on('data', (part) => process.stdout.write(part))
      repl.start({ input, output, prompt: '> ', terminal: false }).on('exit', () => console.log('left'))
      input.end('1 + Date.now()\\nawait 5\\n.exit\\n')`,
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.equal(recorded.code, 0, recorded.stderr)
  t.notMatch(recorded.own.join('\n'), /not fed|not known/)
  const { verdict, stdout } = await replayInputs(dir)
  t.match(verdict, { kind: 'exact' })
  t.equal(stdout, recorded.stdout)
})

t.test('[B5] the parent of node --test cannot be recorded, and that is said; its children are', async (t) => {
  const dir = t.testdir({ 'one.test.cjs': "require('node:test')('one', () => { console.log(Math.random()) })" })
  const recorded = await recordInputs([process.execPath, '--test', 'one.test.cjs'], { cwd: dir })
  t.match(
    recorded.own.join('\n'),
    /not fed: a Node that keeps its bindings to itself, as .* node --test does \(thread 0\)/,
  )
  const ask = (...words: string[]) => run([process.execPath, CLI, ...words], { cwd: dir })
  const info = await ask('info', 'program.retro')
  t.match(
    info.stdout,
    /replayable\n +thread 0\.1 can be run again[^\n]*\n +thread 0 used a Node that keeps its bindings/,
  )
  t.match(await ask('replay', 'program.retro', '--thread', '0'), { code: 1, stderr: /Thread 0 used a Node that keeps/ })
  t.match(await ask('replay', 'program.retro', '--all'), { code: 0, stderr: /thread 0\.1 is exact/ })
})
