import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Seq } from '../../src/ids.js'
import { lockCollector, readCollectorNote } from '../../src/log/collector-lock.js'
import { createFormat } from '../../src/log/format-file.js'
import { openLog } from '../../src/log/open.js'
import { PACKAGE_PATH, runProgram } from '../helpers/program.js'
import { isKind, listSpools, readSpool } from '../helpers/spool.js'

t.setTimeout(240_000)

/** How the program ends, and what recording may not change about it. */
const ENDINGS: Readonly<Record<string, string>> = {
  'an error': 'throw Object.assign(new TypeError("boom"), { code: "E_BOOM" })',
  'a rejection': 'Promise.reject(new Error("rejected")); setTimeout(() => console.log("never"), 1000)',
  'a rejection with a value': 'Promise.reject({ odd: 1 })',
  'a handled error':
    'process.on("uncaughtException", (e) => console.log("caught", e.message)); setTimeout(() => console.log("on"), 5); throw new Error("x")',
  'an exit code': 'process.exitCode = 7',
  'an exit in an exit handler': 'process.on("exit", () => process.exit())',
  beforeExit:
    'let n = 0; process.on("beforeExit", () => { if (n++ < 2) setTimeout(() => console.log("again", n), 1) })',
  'many listeners':
    'for (let i = 0; i < 9; i++) process.on("exit", () => {}); await new Promise((r) => setTimeout(r, 5))',
  'a handler that rejects': `
    import { EventEmitter } from 'node:events';
    const end = scope.channel('c', { send() {}, onMessage(h) { this.h = h; return () => {} } });
    end.onMessage(async () => { await 1; throw new Error('from the handler') });
    const p = end.h('m'); setTimeout(() => console.log('never'), 1000)`,
  'a handler that throws': `
    const end = scope.channel('c', { send() {}, onMessage(h) { this.h = h; return () => {} } });
    end.onMessage(() => {
      throw new Error('thrown by the handler') });
    end.h('m')`,
  'a handler whose rejection is caught late': `
    const end = scope.channel('c', { send() {}, onMessage(h) { this.h = h; return () => {} } });
    process.on('unhandledRejection', (e) => console.log('unhandled', e.message));
    process.on('rejectionHandled', () => console.log('handled after all'));
    end.onMessage(async () => { await 1; throw new Error('late') });
    const p = end.h('m'); setTimeout(() => p.catch(() => console.log('caught')), 5)`,
}

t.test('[D2] recording changes nothing about how a program ends: output, warnings, exit code', async (t) => {
  const dir = t.testdir()
  for (const [name, ending] of Object.entries(ENDINGS)) {
    const out = join(dir, `${name}.retro`)
    const body = `const scope = await setup({ out: ${JSON.stringify(out)} }); scope.mark('begun'); ${ending}`
    const [bare, recorded] = [await runProgram(body, { record: false }), await runProgram(body)]
    // The line that imports or stands in for the package differs; what the shell of the test adds to a stack may, too.
    const clean = (text: string) => text.replace(/^.*setup.*$/gm, '').replace(/^ +at .*\n/gm, '')
    t.strictSame({ ...recorded, stderr: clean(recorded.stderr) }, { ...bare, stderr: clean(bare.stderr) }, name)
    const { events, faults } = readSpool(out)
    t.strictSame(faults, [], `${name}: nothing torn`)
    t.match(
      events.at(-1),
      { kind: 'process', body: { op: 'exit', code: bare.code } },
      `${name}: the exit is in the log`,
    )
  }
})

t.test('[D3] a crash says why, what was handled last and what changed last', async (t) => {
  const out = join(t.testdir(), 'crash.retro')
  await runProgram(`
    import { EventEmitter } from 'node:events';
    const scope = await setup({ out: ${JSON.stringify(out)} });
    const store = scope.container('cart', { n: 0, getState() { return this.s ?? { n: 0 } }, subscribe(l) { this.l = l; return () => {} }, set(s) { this.s = s; this.l() } });
    const orders = scope.channel('orders', new EventEmitter());
    orders.on('order', () => { store.set({ n: 1 }); throw Object.assign(new RangeError('sold out', { cause: new Error('inner') }), { code: 'E_SOLD' }) });
    setTimeout(() => orders.emit('order', { id: 1 }), 1)`)
  const { events } = readSpool(out)
  const crash = events.filter(isKind('process')).find(({ body }) => body.op === 'crash')!
  const receive = events.find(({ kind, body }) => kind === 'message' && body.op === 'receive')!
  const delta = events.find(({ kind, body }) => kind === 'state' && body.op === 'delta')!
  t.match(crash.body, {
    reason: 'uncaughtException',
    error: { name: 'RangeError', message: 'sold out', code: 'E_SOLD', stack: /sold out/, cause: { message: 'inner' } },
    lastMessage: receive.ordinal,
    lastStates: [{ subject: delta.subject, ordinal: delta.ordinal }],
  })
  t.equal(delta.cause, receive.ordinal, 'the change happened in the handling of the message')
  const handled = events.find(({ kind, body }) => kind === 'message' && body.op === 'handled')!
  t.match(handled.body, { error: { message: 'the handler threw' } })
  t.equal(crash.cause, receive.ordinal, 'nobody caught what its handler threw')
})

t.test(
  '[D4] a recorder with nothing else to do keeps no program alive, and writes what a timer recorded at once',
  async (t) => {
    const out = join(t.testdir(), 'idle.retro')
    const begun = Date.now()
    const ran = await runProgram(`
    const scope = await setup({ out: ${JSON.stringify(out)} });
    import { statSync } from 'node:fs';
    const size = () => statSync(${JSON.stringify(join(out, 'spool', '0'))}).size;
    console.log(process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS|CloseReq/.test(name)).join());
    setTimeout(() => {
      // Until one waits to be written: on a slow machine each of the first may be written at once.
      let before, marks = 0;
      do { before = size(); scope.mark('m', { i: marks++ }) } while (size() > before);
      const idle = setTimeout(() => {}, 60_000);
      setTimeout(() => { console.log(size() > before, marks); clearTimeout(idle) }, 500).unref();
      const poll = setInterval(() => {}, 400);
      setTimeout(() => { clearInterval(poll); }, 600);
    }, 1)`)
    t.match(ran, { code: 0, stdout: /^\ntrue \d+\n$/, stderr: '' })
    t.ok(Date.now() - begun < 30_000)
    t.equal(readSpool(out).events.filter(isKind('mark')).length, Number(/true (\d+)/.exec(ran.stdout)?.[1]))
  },
)

t.test('[D5] a second recording of that name gets another one, and says so', async (t) => {
  const out = join(t.testdir(), 'twice.retro')
  const body = `const scope = await setup({ out: ${JSON.stringify(out)} }); scope.mark(String(process.argv[1]))`
  await runProgram(body, { args: ['first'] })
  const second = await runProgram(body, { args: ['second'] })
  t.match(second, { code: 0, stderr: /^retroscope: .*twice\.retro exists already; recording into .*twice-2\.retro\n$/ })
  t.match(readSpool(out).events.find(isKind('mark'))?.body, { text: 'first' })
  t.match(readSpool(out.replace('.retro', '-2.retro')).events.find(isKind('mark'))?.body, { text: 'second' })
})

t.test('[D6] a directory that cannot be made is said, and the program runs', async (t) => {
  const dir = t.testdir({ file: 'x' })
  const ran = await runProgram(`
    const scope = await setup({ out: ${JSON.stringify(join(dir, 'file', 'x.retro'))} });
    scope.mark('m'); console.log('ran'); await scope.stop()`)
  t.match(ran, { code: 0, stdout: 'ran\n', stderr: /^retroscope: .*cannot be made.*events stay in memory\n$/ })
})

t.test('[D7] files are 0600 and directories 0700, whatever the umask', async (t) => {
  const out = join(t.testdir(), 'modes.retro')
  await runProgram(`process.umask(0); const scope = await setup({ out: ${JSON.stringify(out)} }); await scope.stop()`)
  const modes = ['', 'format', 'spool', 'spool/0'].map((name) => (statSync(join(out, name)).mode & 0o777).toString(8))
  t.strictSame(modes, ['700', '600', '700', '600'])
})

t.test('[D8] child processes and workers join the recording under names of their own', async (t) => {
  const dir = t.testdir()
  const out = join(dir, 'tree.retro')
  const ran = await runProgram(`
    import { Worker } from 'node:worker_threads';
    import { execFileSync } from 'node:child_process';
    const scope = await setup({ out: ${JSON.stringify(out)} });
    const code = \`import(\${JSON.stringify(${JSON.stringify(`file://${PACKAGE_PATH}`)})}).then(async ({ setup }) => {
      const scope = await setup({ out: ${JSON.stringify(out)} });
      scope.mark(process.argv[1] ?? 'worker');
      if (process.argv[1] === undefined) throw new Error('in the worker');
    })\`;
    for (const name of ['a', 'b']) execFileSync(process.execPath, ['-e', code, name]);
    const worker = new Worker(code, { eval: true, argv: [] });
    worker.on('error', (e) => console.log('worker:', e.message));
    worker.on('exit', async (c) => { console.log('exit', c); await scope.stop(); console.log(Object.keys(process.env).filter((k) => k.startsWith('RETROSCOPE')).join()) })`)
  t.match(ran, { code: 0, stderr: '', stdout: 'worker: in the worker\nexit 1\n\n' })
  t.strictSame(listSpools(out), ['0', '0-2', '0-3', '0.1'])
  const threads = listSpools(out).map((name) => {
    const first = readSpool(out, name).events[0]!
    return first.kind === 'process' && first.body.op === 'spawn'
      ? [first.body.thread?.path, first.body.thread?.type]
      : []
  })
  t.strictSame(threads, [
    ['0', 'main'],
    ['0-2', 'main'],
    ['0-3', 'main'],
    ['0.1', 'worker'],
  ])
  t.match(readSpool(out, '0.1').events.find(({ kind, body }) => kind === 'process' && body.op === 'crash')?.body, {
    error: { message: 'in the worker' },
  })
})

t.test(
  '[D9] a descriptor that the program closes under us costs nothing: not its files, not the recording',
  async (t) => {
    const dir = t.testdir()
    const out = join(dir, 'closed.retro')
    const own = join(dir, 'own.txt')
    const ran = await runProgram(`
    import fs from 'node:fs';
    const scope = await setup({ out: ${JSON.stringify(out)} });
    scope.mark('before');
    for (let fd = 3; fd < 64; fd++) {
      let target = ''; try { target = fs.readlinkSync('/proc/self/fd/' + fd) } catch {}
      if (target.endsWith('/spool/0')) fs.closeSync(fd);
    }
    const file = fs.openSync(${JSON.stringify(own)}, 'w');
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let i = 0; i < 200; i++) scope.mark('after', { i });
    fs.writeSync(file, 'mine');
    console.log('ran')`)
    t.match(ran, { code: 0, stdout: 'ran\n', stderr: '' })
    t.equal(readFileSync(own, 'utf8'), 'mine')
    const { events, faults } = readSpool(out)
    t.strictSame([events.filter(isKind('mark')).length, faults], [201, []])
  },
)

t.test('[D10] on a full disk the program runs on, and a gap says how many events are missing', async (t) => {
  const dir = t.testdir()
  const out = join(dir, 'full.retro')
  mkdirSync(dir, { recursive: true })
  // The soft limit of 64 blocks stands for the full disk; taking it away, for space that was made.
  const ran = await runProgram(
    `
    import { execFileSync } from 'node:child_process';
    const scope = await setup({ out: ${JSON.stringify(out)} });
    for (let i = 0; i < 3000; i++) scope.mark('m', { i });
    execFileSync('prlimit', ['--pid', String(process.pid), '--fsize=unlimited']);
    const until = Date.now() + 3000;
    for (let i = 3000; Date.now() < until && i < 3600; i++) { scope.mark('m', { i }); await new Promise((r) => setTimeout(r, 3)) }
    console.log('ran')`,
    { shell: 'ulimit -S -f 64' },
  )
  t.match(ran, { code: 0, stdout: 'ran\n', stderr: /^retroscope: the recording cannot be written \(EFBIG.*\n$/ })
  const { events, faults } = readSpool(out)
  t.strictSame(faults, [], 'no torn block in between')
  const gaps = events.filter(isKind('gap'))
  t.match(gaps[0]?.body, { reason: 'disk-full', detail: 'EFBIG' })
  let number = 0
  let ordinal = 0
  for (const event of events) {
    if (event.ordinal !== ordinal) t.fail(`event ${event.ordinal} stands where ${ordinal} is due`)
    ordinal++
    if (event.kind === 'mark' && (event.body.data as { i: number }).i !== number++)
      t.fail(`mark ${number - 1} is missing`)
    if (event.kind !== 'gap') continue
    // A gap stands in the place of the first event that is missing.
    ordinal += event.body.count! - 1
    number += event.body.count!
  }
  const log = await openLog(out)
  t.strictSame(
    log.gaps().map(({ reason, count }) => [reason, count]),
    gaps.map(({ body }) => [body.reason, body.count]),
    'a reader is told of these gaps and of no others',
  )
  await log.close()
  t.ok(number > 3000 && gaps.length > 0, `after the gap it goes on, to ${number}`)
})

t.test(
  '[D21] a live recording is collected beside the program, and the collector ends with it, however it ends',
  async (t) => {
    const out = join(t.testdir(), 'live.retro')
    const ran = await runProgram(`
    import { existsSync } from 'node:fs';
    const scope = await setup({ out: ${JSON.stringify(out)}, live: true, maxEvents: 1000 });
    for (let i = 0; i < 5000; i++) { scope.mark('m', { i }); if (i % 50 === 0) await new Promise((r) => setImmediate(r)) }
    while (!existsSync(${JSON.stringify(join(out, 'log'))})) await new Promise((r) => setTimeout(r, 20));
    scope.mark('collected'); for (let n = 0; n < 3; n++) await new Promise((r) => setImmediate(r));
    console.log('ran'); process.kill(process.pid, 'SIGKILL')`)
    t.strictSame([ran.signal, ran.stdout, ran.stderr], ['SIGKILL', 'ran\n', ''])
    // The spool goes before the collector does, which says last how much it has given.
    while (!readCollectorNote(out)?.ended) await new Promise((resolve) => setTimeout(resolve, 100))
    t.strictSame(listSpools(out), [])
    const log = await openLog(out)
    const found = { note: readCollectorNote(out)?.ended?.endSeq, firstSeq: log.firstSeq, gaps: log.gaps() }
    t.equal(log.endSeq, 5002, JSON.stringify(found))
    t.ok(log.firstSeq > 3800, `events before ${log.firstSeq} were pruned`)
    t.match(await log.find((log.endSeq - 1) as Seq), { kind: 'mark', body: { text: 'collected' } })
    await log.close()
  },
)

t.test('[D21] a live collector waits for a reader that was there first', async (t) => {
  const out = join(t.testdir(), 'read.retro')
  const format = { format: 1, startedAtUs: 5, command: null, node: process.version, platform: process.platform }
  createFormat(out, format)
  const reader = await lockCollector(out)
  const log = join(out, 'log', 'lock', 'LOG')
  const { ino } = statSync(log)
  const entry = fileURLToPath(new URL('../../recorder/collect.js', import.meta.url))
  const collector = spawn(process.execPath, [entry, out, String(process.pid)], { stdio: 'ignore' })
  // LevelDB begins its log anew with each attempt to open it.
  while (statSync(log, { throwIfNoEntry: false })?.ino === ino) await new Promise((resolve) => setTimeout(resolve, 20))
  await reader.release()
  const ran = await runProgram(`
    process.env.RETROSCOPE_RECORDING = ${JSON.stringify(out)};
    const scope = await setup(); scope.mark('m'); await scope.stop()`)
  t.match(ran, { code: 0 })
  t.strictSame(await once(collector, 'exit'), [0, null])
  t.strictSame(listSpools(out), [])
  t.match(readCollectorNote(out), { pid: collector.pid, ended: { endSeq: 3 } })
})
