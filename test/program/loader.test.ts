import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { recordInputs, replayInputs } from './rig.js'

const FILES: Readonly<Record<string, string>> = {
  'package.json':
    '{ "name": "self", "imports": { "#in": "./in.cjs", "#dep": "dep" }, "exports": { "./x": "./in.cjs" } }',
  'in.cjs': 'module.exports = require("./data.json").a + Math.random()',
  'data.json': '{ "a": 41 }',
  'node_modules/dep/package.json': '{ "main": "lib" }',
  'node_modules/dep/lib/index.js': 'exports.dep = __filename',
  'node_modules/esm/package.json': '{ "type": "module", "main": "m" }',
  'node_modules/esm/m.js': 'export default import.meta.url',
  'node_modules/@s/exp/package.json':
    '{ "exports": { ".": { "import": "./i.mjs", "require": "./r.cjs" }, "./sub/*": "./sub/*.js" } }',
  'node_modules/@s/exp/i.mjs': 'export const how = "import"',
  'node_modules/@s/exp/r.cjs': 'exports.how = "require"',
  'node_modules/@s/exp/sub/a.js': 'exports.sub = 1',
  'real/package.json': '{ "name": "linked" }',
  'real/index.js': 'exports.me = __filename; try { require("dep") } catch (error) { exports.code = error.code }',
  'main.js': `
    console.log(require('dep'), require('#in'), require('#dep'), require('self/x'), require('linked'))
    console.log(require('@s/exp'), require('@s/exp/sub/a'), require.resolve('dep'), module.paths[0])
    for (const name of ['nowhere', './in/x', './dep']) try { require(name) } catch (error) { console.log(error.message) }
    console.log(require('module').globalPaths, process.emitWarning.name)
    import('./module.mjs').then((module) => console.log(module))`,
  'module.mjs': `
    import { dep } from 'dep'
    import module from 'node:module'
    import url from 'esm'
    import own from '../app/node_modules/esm/m.js'
    import { how } from '@s/exp'
    import { createRequire } from 'node:module'
    import * as linked from 'linked'
    import data from './data.json' with { type: 'json' }
    export { dep, url, own, how, linked, data }
    export const loaded = Object.keys(module._cache)
    export const later = await import('./later.js')
    export const two = createRequire(import.meta.url)('./in.cjs')
    export const resolved = import.meta.resolve('dep')
    export const codes = await Promise.all(['nowhere', './dep', 'dep/x', '#no'].map((name) => import(name).catch((e) => e.code)))`,
  'later.js': 'exports.later = Date.now()',
  'workers.mjs': `
    import { Worker, isMainThread, parentPort } from 'node:worker_threads'
    import { dep } from 'dep'
    if (isMainThread) new Worker(new URL(import.meta.url)).on('message', (message) => console.log(message))
    else parentPort.postMessage([dep, (await import('./later.js')).later])`,
}

/** The program in `dir/app`. */
function makeApp(dir: string): string {
  const app = join(dir, 'app')
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(app, name)), { recursive: true })
    writeFileSync(join(app, name), text)
  }
  symlinkSync('../real', join(app, 'node_modules', 'linked'))
  return app
}

const COMMANDS = {
  'CommonJS, and what it imports': ['main.js'],
  'a name without its ending, and preloads': ['--no-warnings', '-r', 'dep', '--import', './module.mjs', 'main'],
  'a text on the command line': [
    '-e',
    "console.log(require('dep'), require.resolve('linked')); import('./module.mjs')",
  ],
  'a module on the command line': ['--input-type=module', '-e', "import { dep } from 'dep'; console.log(dep)"],
}

for (const [what, words] of Object.entries(COMMANDS)) {
  t.test(`[B10] a program runs again where none of its files is: ${what}`, async (t) => {
    const app = makeApp(t.testdir({}))
    const recorded = await recordInputs([process.execPath, ...words], { cwd: app })
    t.equal(recorded.code, 0, recorded.stderr)
    renameSync(join(app, 'program.retro'), join(app, '../program.retro'))
    renameSync(app, join(app, '../gone'))
    const again = await replayInputs(join(app, '..'))
    t.equal(again.stdout, recorded.stdout)
    t.match(again.verdict, { kind: 'exact', code: 0 })
  })
}

t.test('[B10] a worker runs again where none of its files is', async (t) => {
  const app = makeApp(t.testdir({}))
  t.equal((await recordInputs([process.execPath, 'workers.mjs'], { cwd: app })).code, 0)
  renameSync(join(app, 'program.retro'), join(app, '../program.retro'))
  renameSync(app, join(app, '../gone'))
  t.match((await replayInputs(join(app, '..'), ['--thread', '0.1'])).verdict, { kind: 'exact', code: 0 })
})

t.test('[B10] a program that replaces what the loader lets it replace is warned as without us', async (t) => {
  const dir = t.testdir({
    'main.cjs': `
      const Module = require('node:module')
      for (const name of ['_stat', '_readPackage']) { const was = Module[name]; Module[name] = (path) => was(path) }
      console.log(require('./other.cjs'))`,
    'other.cjs': 'module.exports = 1',
  })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.equal(recorded.code, 0)
  t.equal(recorded.stderr.match(/Module\._(stat|readPackage) is an experimental feature/g)?.length, 2, recorded.stderr)
  t.match((await replayInputs(dir)).verdict, { kind: 'exact', code: 0 })
})
