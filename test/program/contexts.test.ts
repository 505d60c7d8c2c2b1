import t from 'tap'
import { run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

const SANDBOXES = `
  const vm = require('node:vm')
  const say = (...what) => console.log(...what)
  const other = vm.runInContext('this', vm.createContext({}))
  const deaf = {}
  for (const trap of ['get', 'has', 'getOwnPropertyDescriptor', 'defineProperty']) {
    deaf[trap] = (target, name, ...more) => { say(trap, name); return Reflect[trap](target, name, ...more) }
  }
  const sandboxes = [
    ...['Intl', 'Date', 'Math', 'WeakRef', 'Atomics', 'WebAssembly', 'FinalizationRegistry', 'globalThis']
      .flatMap((name) => [undefined, null, {}].map((value) => ({ [name]: value }))),
    { Intl, Date, Math, WeakRef, Atomics, WebAssembly, FinalizationRegistry },
    { get Intl() { say('asked for Intl'); return {} } },
    Object.create({ Intl: undefined, Date: null }),
    Object.freeze({}),
    other,
    new Proxy({}, deaf),
  ]
  for (const sandbox of sandboxes) {
    const context = vm.createContext(sandbox)
    say(sandbox === other || Object.getOwnPropertyNames(sandbox).join())
    say(vm.runInContext('[typeof Intl, typeof Date, typeof Math, typeof WeakRef, typeof Atomics].join()', context))
  }
  const { format } = Object.getOwnPropertyDescriptors(Intl.DateTimeFormat.prototype)
  const code = 'Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "format").get'
  say(vm.runInNewContext(code, { Intl }) === format.get)`

const CLOCKS = `
  for (const sandbox of [{}, { Intl }, { Date }, { Math: undefined }, Object.freeze({}), vm.constants?.DONT_CONTEXTIFY ?? {}]) {
    say(vm.runInContext('[Date.now(), new Intl.DateTimeFormat("en", { second: "numeric", fractionalSecondDigits: 3 }).format()]', vm.createContext(sandbox)))
  }`

t.test('[B1] a context finds of the realm what the program has put there, and nobody else asks for it', async (t) => {
  const dir = t.testdir({ 'sandboxes.cjs': SANDBOXES, 'clocks.cjs': SANDBOXES + CLOCKS })
  const bare = await run([process.execPath, 'sandboxes.cjs'], { cwd: dir })
  t.equal(bare.code, 0, bare.stderr)
  const recorded = await recordInputs([process.execPath, 'clocks.cjs'], { cwd: dir })
  t.equal(recorded.stdout.slice(0, bare.stdout.length), bare.stdout)
  t.equal(recorded.code, 0, recorded.stderr)
  const replayed = await replayInputs(dir, ['--thread', '0'])
  t.match(replayed.verdict, { kind: 'exact' })
  t.equal(replayed.stdout, recorded.stdout)
})
