import t from 'tap'
import { run } from '../helpers/command.js'
import { testExact } from './exact.js'
import { recordInputs, replayInputs } from './rig.js'

testExact(t, 'what the collector takes', {
  file: 'collected.mjs',
  options: ['--expose-gc'],
  text: `
      import { setTimeout as sleep } from 'node:timers/promises'
      import { setImmediate as immediate } from 'node:timers/promises'
      const gone = new FinalizationRegistry((held) => { console.log('gone', held); Promise.resolve().then(() => console.log('micro', held)); process.nextTick(() => console.log('tick', held)) })
      let kept = []
      const refs = Array.from({ length: 30 }, (_, i) => { const o = { i }; gone.register(o, i); if (i % 3 === 0) kept.push(o); return new WeakRef(o) })
      const count = () => refs.map((ref) => ref.deref()?.i ?? '-').join()
      console.log(count())
      await sleep(1)
      gc()
      console.log(count())
      await immediate()
      gc()
      console.log(count())
      kept = []
      await immediate()
      gc()
      console.log(count(), kept.length)
      await sleep(5)
      console.log(count())`,
})

testExact(t, 'realms', {
  file: 'realms.mjs',
  text: `
      import vm from 'node:vm'
      import { setTimeout as sleep } from 'node:timers/promises'
      const refs = []
      for (let i = 0; i < 50; i++) refs.push(new WeakRef({ i, pad: new Array(10000).fill(i) }))
      await sleep(1)
      let junk = []
      for (let r = 0; r < 40; r++) { junk = Array.from({ length: 20000 }, (_, i) => ({ i })); await null }
      await sleep(2)
      console.log('alive', refs.map((r) => r.deref()?.i ?? '-').join())
      console.log(Object.prototype.toString.call(refs[0]), WeakRef.name, WeakRef.length, WeakRef.prototype.deref.name, refs[0] instanceof WeakRef)
      console.log(vm.runInNewContext('[Date.now() > 1e12, typeof Date, new Date() instanceof Date, Math.random()]'))
      console.log(vm.runInNewContext('Date.now()'), vm.runInNewContext('Date.now() + ":" + Math.random()', {}), vm.runInNewContext('Math.random()'))
      const script = new vm.Script('Date.now() + x')
      console.log(script.runInNewContext({ x: 1 }), script.runInContext(vm.createContext({ x: 2 })))
      const c = vm.createContext({ performance })
      console.log(vm.runInContext('new Date().toISOString() + performance.now() + Math.random()', c))
      console.log(vm.runInNewContext('var W = new WeakRef({}); typeof W.deref()'), vm.runInContext('new Date(2020, 1).getTime() + Date.UTC(2020) + Date.length + Date.name', c))
      console.log(vm.runInThisContext('Date.now()'), (0, eval)('Date.now()'), new Function('return Date.now()')())
      console.log(vm.isContext(c), Object.keys(c), vm.runInContext('Object.getOwnPropertyNames(globalThis).includes("Date")', c))
      console.log(await vm.measureMemory?.({ execution: 'eager' }).then((m) => typeof m.total.jsMemoryEstimate))`,
})

testExact(t, 'modules in contexts', {
  file: 'modules.cjs',
  options: ['--experimental-vm-modules'],
  text: `
      const vm = require('node:vm')
      ;(async () => {
        const context = vm.createContext({ print: console.log })
        const m = new vm.SourceTextModule('print(Date.now(), Math.random()); export const a = await Promise.resolve(Date.now()); const w = new WeakRef({}); import x from "y"; print(x)', { context })
        await m.link(async () => new vm.SyntheticModule(['default'], function () { this.setExport('default', Date.now()) }, { context }))
        await m.evaluate()
        console.log(m.namespace.a)
        const s = new vm.Script('import("z").then((m) => print(m.default))', { importModuleDynamically: async () => { const q = new vm.SyntheticModule(['default'], function () { this.setExport('default', 7) }, { context }); await q.link(() => {}); await q.evaluate(); return q } })
        await s.runInContext(context)
      })()`,
})

testExact(t, 'waiting on memory', {
  file: 'memory.cjs',
  text: `
      const sab = new Int32Array(new SharedArrayBuffer(16))
      const r = Atomics.waitAsync(sab, 0, 0, 20)
      console.log(r.async)
      r.value.then((v) => { console.log('timed', v, Date.now()); })
      const q = Atomics.waitAsync(sab, 1, 0)
      q.value.then((v) => console.log('notified', v))
      setTimeout(() => console.log('woke', Atomics.notify(sab, 1)), 5)
      const z = Atomics.waitAsync(sab, 1, 5); console.log(z)
      setTimeout(() => console.log('late'), 40)
      console.log(Atomics.wait(sab, 2, 0, 3), Atomics.wait(sab, 2, 1))`,
})

testExact(t, 'performance entries, delays and idle times', {
  file: 'performance.mjs',
  text: `
      import { performance, PerformanceObserver, monitorEventLoopDelay, createHistogram } from 'node:perf_hooks'
      import { setTimeout as sleep } from 'node:timers/promises'
      import http from 'node:http'
      import v8 from 'node:v8'
      const log = (...a) => console.log(...a)
      const seen = []
      const obs = new PerformanceObserver((list, o) => { for (const e of list.getEntries()) log('entry', e.entryType, e.name, e.duration, e.startTime, e.detail) })
      obs.observe({ entryTypes: ['mark', 'measure', 'gc', 'http', 'net', 'dns', 'function', 'resource'] })
      log(performance.now(), performance.timeOrigin, performance.toJSON())
      log(performance.mark('a'), performance.measure('m', 'a').duration)
      log(performance.eventLoopUtilization(), performance.nodeTiming)
      const timed = performance.timerify(function hi() { return 1 }); timed()
      const h = monitorEventLoopDelay({ resolution: 5 }); h.enable()
      const h2 = createHistogram(); const timed2 = performance.timerify(() => 1, { histogram: h2 }); timed2(); log(h2.mean, h2.max, h2.count)
      const server = http.createServer((q, s) => s.end('hi')).listen(0, '127.0.0.1', () => {
        fetch('http://localhost:' + server.address().port).then((r) => r.text()).then(async (t) => {
          log(t); server.close(); server.closeAllConnections()
          let junk; for (let i = 0; i < 200; i++) junk = Array.from({ length: 20000 }, (_, i) => ({ i }))
          await sleep(30)
          h.disable()
          log('delay', h.min, h.max, h.mean, h.stddev, h.percentile(50), h.percentiles, h.count, h.exceeds)
          log(performance.getEntries().map((e) => [e.entryType, e.name, e.startTime, e.duration]))
          log(performance.eventLoopUtilization(), performance.nodeTiming.idleTime, performance.nodeTiming.loopExit, performance.nodeTiming.uvMetricsInfo)
          obs.disconnect()
          performance.clearMarks()
        })
      })`,
})

testExact(t, 'what the process and its heap say of themselves', {
  file: 'process.cjs',
  text: `
      const v8 = require('node:v8'), os = require('node:os'), util = require('node:util'), fs = require('node:fs')
      const log = (...a) => console.log(...a)
      log(v8.getHeapStatistics(), v8.getHeapSpaceStatistics().length, v8.getHeapSpaceStatistics()[0], v8.getHeapCodeStatistics())
      log(process.resourceUsage(), process.cpuUsage(), process.memoryUsage(), process.constrainedMemory(), process.availableMemory?.(), process.getActiveResourcesInfo(), process.uptime(), process.memoryUsage.rss())
      log(os.cpus(), os.networkInterfaces(), os.uptime(), os.loadavg(), os.hostname(), os.userInfo(), os.totalmem(), os.freemem(), os.release(), os.version(), os.machine(), os.tmpdir(), os.homedir(), os.getPriority(), os.availableParallelism?.())
      log(process.getuid(), process.geteuid(), process.getgroups(), process.umask(), process.getgid(), process.getegid())
      process.title = 'hello'; log(process.title, process.pid, process.ppid, process.debugPort, process.argv0, process.features)
      process.umask(0o22)
      log(util.getSystemErrorMap().size, util.getSystemErrorName(-2), process.hrtime(), process.hrtime.bigint(), process.versions.v8, process.config.target_defaults?.cflags?.length, process.allowedNodeEnvironmentFlags.size, process.release.name)
      log(v8.cachedDataVersionTag(), v8.deserialize(v8.serialize({ a: 1 })))
      const r = process.report.getReport(); log(typeof r === 'string' ? r.length : [r.header.dumpEventTime, r.resourceUsage, r.header.processId])`,
})

testExact(t, 'hooks on asynchronous resources', {
  file: 'hooks.mjs',
  text: `
      import ah from 'node:async_hooks'
      import dc from 'node:diagnostics_channel'
      import fs from 'node:fs'
      const log = (...a) => fs.writeSync(1, a.join(' ') + String.fromCharCode(10))
      const types = []
      ah.createHook({ init(id, type, trig) { types.push([id, type, trig].join(':')) }, before(id) { types.push('b' + id) }, after(id) { types.push('a' + id) }, destroy(id) { types.push('d' + id) }, promiseResolve(id) { types.push('p' + id) } }).enable()
      fs.stat('/', () => log('stat', ah.executionAsyncId(), ah.triggerAsyncId()))
      setTimeout(() => log('t', ah.executionAsyncId()), 2)
      setImmediate(() => log('i', ah.executionAsyncId()))
      queueMicrotask(() => log('m', ah.executionAsyncId()))
      process.nextTick(() => log('n', ah.executionAsyncId()))
      await fs.promises.stat('/')
      log(ah.executionAsyncId(), typeof ah.executionAsyncResource())
      dc.subscribe('undici:request:create', () => log('undici'))
      dc.subscribe('http.client.request.start', () => log('http start')); dc.channel('mine').subscribe((m) => log('mine', m)); dc.channel('mine').publish('x')
      setTimeout(() => { for (const x of types) fs.writeSync(1, x + String.fromCharCode(10)); log(types.length); log(types.join(' ')) }, 30)`,
})

testExact(t, 'promises that the engine settles, numbered by hooks', {
  file: 'numbered.mjs',
  text: `
      import ah from 'node:async_hooks'
      import fs from 'node:fs'
      const seen = []
      ah.createHook({ init(id, type, trigger) { seen.push([id, type, trigger].join(':')) }, before(id) { seen.push('before ' + id) } }).enable()
      const say = (what) => { fs.writeSync(1, [what, ah.executionAsyncId(), seen.splice(0).join(' ')].join(' ')); fs.writeSync(1, '\\n') }
      const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])
      say('start')
      const alive = setInterval(() => {}, 1_000)
      await WebAssembly.compile(empty)
      say('compiled')
      await WebAssembly.instantiate(empty).then(({ module }) => WebAssembly.instantiate(module))
      say('instantiated')
      await WebAssembly.compile(new Uint8Array(3)).catch((error) => say(error.name))
      await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5).value
      say('waited')
      await crypto.subtle.digest('SHA-256', empty)
      say('digested')
      await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])
      say('made')
      clearInterval(alive)`,
})

testExact(t, 'compiled code that Node keeps by itself', {
  file: 'compiled.cjs',
  text: `
      const loader = require('node:module')
      // Not in Node 20.
      console.log(loader.enableCompileCache?.(), typeof loader.getCompileCacheDir?.())
      loader.flushCompileCache?.()
      console.log(require('node:os').tmpdir())`,
})

testExact(t, 'what a program does to the protocol of iterators', {
  file: 'iterator.mjs',
  text: `
      import dns from 'node:dns'
      import fs from 'node:fs'
      Object.prototype[Symbol.iterator] = function* () {}
      dns.lookup('localhost', { all: true }, (_, found) => console.log(found.length > 0))
      console.log(Object.keys(fs.readdirSync('.')).length, process.memoryUsage().rss > 0)`,
})

testExact(t, 'a collector that finds very many asynchronous resources gone, within a turn', {
  file: 'gone.mjs',
  options: ['--expose-gc'],
  text: `
      import { AsyncResource, createHook } from 'node:async_hooks'
      import fs from 'node:fs'
      let gone = 0
      createHook({ init() {}, destroy() { if (++gone % 5_000 === 0) process.nextTick(() => fs.writeSync(1, gone + ' gone')) } }).enable()
      const make = () => { for (let n = 0; n < 20_000; n++) new AsyncResource('own') }
      for (let n = 0; n < 3; n++) {
        make()
        gc()
        for (let n = 0; n < 100; n++) { await null; fs.writeSync(1, '.') }
      }
      setTimeout(() => fs.writeSync(1, String(gone >= 40_000)), 50)`,
})

t.test(
  '[B1] hooks on asynchronous resources are as without the tool: what is wrong with them, what they inherit',
  async (t) => {
    const text = `
      const { createHook } = require('node:async_hooks')
      for (const hooks of [undefined, null, 1, { init: 1 }, { destroy: 'no' }, { init() {}, trackPromises: 1 }]) {
        try { console.log(createHook(hooks)) } catch (error) { console.log(error.name, error.code, error.message) }
      }
      class Inherited { #n = 0; get init() { return (...args) => this.count(args) } count() { this.#n++ } get n() { return this.#n } }
      const read = []
      const watched = new Proxy(new Inherited(), { get(target, name) { read.push(name); return Reflect.get(target, name, target) } })
      const hook = createHook(watched).enable()
      setTimeout(() => {}, 0)
      hook.disable()
      console.log(watched.n, read.map(String).join(' '))
      const frozen = Object.freeze({ init() {}, before(id) {}, after() {}, destroy(id) {}, promiseResolve() {} })
      console.log(createHook(frozen))
      // Newer Node versions make no resources of promises then.
      const types = new Set()
      const some = createHook({ init(id, type) { types.add(type) }, trackPromises: false }).enable()
      Promise.resolve().then(() => {})
      some.disable()
      console.log([...types].join(' '))`
    const dir = t.testdir({ 'hooks.cjs': text })
    const bare = await run([process.execPath, 'hooks.cjs'], { cwd: dir })
    const recorded = await recordInputs([process.execPath, 'hooks.cjs'], { cwd: dir })
    t.equal(recorded.stdout, bare.stdout)
    const replayed = await replayInputs(dir)
    t.match(replayed.verdict, { kind: 'exact', code: 0 })
    t.equal(replayed.stdout, bare.stdout)
  },
)

testExact(t, 'very many hooks on asynchronous resources that the program has let go', {
  file: 'hooks.mjs',
  // Enough for the program, which keeps none.
  options: ['--max-old-space-size=12'],
  text: `
      import { createHook } from 'node:async_hooks'
      for (let n = 0; n < 40_000; n++) {
        createHook({ init() {}, destroy() {} })
        if (n % 1_000 === 0) createHook({ init() {}, destroy() {} }).enable().disable()
      }`,
})

testExact(t, 'a hook that is let go before it is told of what was gone', {
  file: 'late.mjs',
  options: ['--expose-gc'],
  text: `
      import { AsyncResource, createHook } from 'node:async_hooks'
      let gone = 0
      let hook = createHook({ init() {}, destroy() { gone++ } }).enable()
      for (let n = 0; n < 20_000; n++) new AsyncResource('own')
      gc()
      for (let n = 0; n < 100; n++) await null
      hook.disable()
      hook = undefined
      gc()
      setTimeout(() => { gc(); console.log(gone > 10_000) }, 5)`,
})

t.test('[B1] a tool that goes through no iterator of the program', async (t) => {
  const text = `
      const counts = {}
      const undo = []
      for (const [what, holder] of [['array', Array.prototype], ['set', Set.prototype], ['map', Map.prototype],
        ['next', Object.getPrototypeOf([][Symbol.iterator]())]]) {
        const name = what === 'next' ? 'next' : Symbol.iterator
        const real = holder[name]
        counts[what] = 0
        undo.push(() => { holder[name] = real })
        holder[name] = function () { counts[what]++; return Reflect.apply(real, this, []) }
      }
      const fs = require('node:fs')
      let left = 20
      const next = () => {
        fs.readFile(__filename, () => {})
        fs.statSync(__filename)
        process.hrtime()
        if (--left > 0) return setTimeout(next, 1)
        for (const one of undo) one()
        fs.writeSync(1, JSON.stringify(counts))
      }
      setTimeout(next, 1)`
  const dir = t.testdir({ 'iterators.cjs': text })
  const bare = await run([process.execPath, 'iterators.cjs'], { cwd: dir })
  const recorded = await recordInputs([process.execPath, 'iterators.cjs'], { cwd: dir })
  t.equal(recorded.stdout, bare.stdout)
  const replayed = await replayInputs(dir)
  t.match(replayed.verdict, { kind: 'exact', code: 0 })
  t.equal(replayed.stdout, bare.stdout)
})

testExact(t, 'an environment that is read from a file', {
  file: 'environment.cjs',
  text: `
      require('node:fs').writeFileSync('.env', 'ZED=5')
      process.loadEnvFile('.env')
      console.log(process.env.ZED)
      try { process.loadEnvFile('none') } catch (error) { console.log(error.code) }`,
})

t.test('[B8] a program that is given as text, and a worker that is', async (t) => {
  const dir = t.testdir({})
  const text = `
    const { Worker } = require('node:worker_threads')
    new Worker('require("node:worker_threads").parentPort.postMessage([Date.now(), process.execArgv.length])', { eval: true })
      .on('message', (message) => console.log(message))`
  const recorded = await recordInputs([process.execPath, '-e', text], { cwd: dir })
  t.match(recorded.stdout, /, 2 \]/)
  const { verdict, stdout } = await replayInputs(dir, ['--thread', '0'])
  t.match(verdict, { kind: 'exact' })
  t.equal(stdout, recorded.stdout)
  t.match((await replayInputs(dir, ['--thread', '0.1'])).verdict, { kind: 'exact' })
})
