import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeCodeCache } from '../../recorder/code-cache.js'
import { injectEnv } from '../../recorder/injection.js'
import { createRecording } from '../../recorder/recording-directory.js'
import { openRecording } from '../../replayer/open.js'

const RECORDER = resolve(fileURLToPath(import.meta.url), '../../../recorder')

/** Whether V8 takes the cache for what the loader would compile. */
const ACCEPTS = `const fs = require('fs'), vm = require('vm')
  const [bundle, cache] = process.argv.slice(1).map((path) => fs.readFileSync(path))
  const source = '(function (exports, require, module, __filename, __dirname) {' + bundle.toString('latin1') + '\\n})'
  console.log(new vm.Script(source, { cachedData: cache }).cachedDataRejected)`

t.test('[D30] the preload starts from a code cache that is made once, and without one', async (t) => {
  const dir = t.testdir({})
  const preload = join(dir, 'preload.cjs')
  for (const name of ['preload.cjs', 'preload-bundle.cjs']) copyFileSync(join(RECORDER, name), join(dir, name))
  const { NODE_OPTIONS: _options, ...env } = process.env

  const record = async (name: string): Promise<void> => {
    const recording = createRecording(join(dir, name))
    const ran = spawnSync(process.execPath, ['-p', 'process.env.RETROSCOPE_MAKE_CACHE'], {
      env: injectEnv(env, toInjection(preload, recording), '0'),
      encoding: 'utf8',
    })
    t.match(ran, { status: 0, stdout: 'undefined\n', stderr: '' }, name)
    const opened = await openRecording(recording)
    t.match(await opened.info(), { fidelity: 'replayable', end: { kind: 'exit' } }, name)
    await opened.close()
  }
  const findCaches = () => readdirSync(dir).filter((name) => name.startsWith('preload-') && name.endsWith('.cache'))

  await record('without.retro')
  t.same(findCaches(), [], 'a program that is recorded writes none')
  makeCodeCache(preload)
  const [cache, ...others] = findCaches()
  t.same(others, [])
  const asked = spawnSync(process.execPath, ['-e', ACCEPTS, join(dir, 'preload-bundle.cjs'), join(dir, cache!)], {
    env,
    encoding: 'utf8',
  })
  t.equal(asked.stdout, 'false\n', asked.stderr)
  await record('with.retro')
  const made = readFileSync(join(dir, cache!))
  makeCodeCache(preload)
  t.ok(made.equals(readFileSync(join(dir, cache!))), 'it is made once')
  writeFileSync(join(dir, cache!), 'something else')
  await record('damaged.retro')
  rmSync(join(dir, cache!))
})

t.test('[D30] a package that was moved with its code cache hides its frames as before', async (t) => {
  const dir = t.testdir({ here: {} })
  const files = ['preload.cjs', 'preload-bundle.cjs']
  for (const name of files) copyFileSync(join(RECORDER, name), join(dir, 'here', name))
  makeCodeCache(join(dir, 'here/preload.cjs'))
  renameSync(join(dir, 'here'), join(dir, 'there'))
  const program = ['-e', "setTimeout(() => require('fs').stat('.', () => console.log(new Error('seen').stack)), 1)"]
  const { NODE_OPTIONS: _options, ...env } = process.env
  const injected = injectEnv(
    env,
    toInjection(join(dir, 'there/preload.cjs'), createRecording(join(dir, 'run.retro'))),
    '0',
  )
  const recorded = spawnSync(process.execPath, program, { env: injected, encoding: 'utf8' })
  t.match(recorded.stdout, /^Error: seen/, recorded.stderr)
  t.equal(recorded.stdout, spawnSync(process.execPath, program, { env, encoding: 'utf8' }).stdout)
})

function toInjection(preload: string, recording: string) {
  return { preload, recording, key: 'a2V5', keepEnv: false, inputs: true, sources: false, level: 'full' } as const
}
