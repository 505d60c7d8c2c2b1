import fs from 'node:fs'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { replayBoundary, seedRandom } from '../../src/boundary/node/boundary.js'
import { startPool } from '../../src/boundary/node/buffer-pool.js'
import type { WorkerHead } from '../../src/boundary/node/head.js'
import { findInternals, type Internals } from '../../src/boundary/node/internals.js'
import { Numbering, numberOf } from '../../src/boundary/node/numbering.js'
import type { CodeGuard } from '../../src/boundary/node/replayed-sources.js'
import { Seed } from '../../src/boundary/node/seed.js'
import { isNamedCode } from '../../src/boundary/node/sources.js'
import { hideFrames } from '../../src/boundary/node/stacks.js'
import { TapeFile } from '../../src/boundary/node/tape-file.js'
import { SEAM_SYMBOL } from '../../src/scope/seam.js'
import { toChunk } from './captured-output.js'
import { Debugged } from './debugged.js'
import { type Given, toGiven } from './difference.js'
import { type MetDivergence, NOWHERE, type Standing } from './divergence.js'
import { HandleTable } from './handle-table.js'
import { INSPECTOR_FD, type ReplayAnswer, type ReplayOrders, STDERR_FD, takeReplayOrders } from './orders.js'
import { isLoading, OwnStack } from './own-stack.js'
import { PassingSeam } from './passing-seam.js'
import { takeEnvironment } from './recorded-environment.js'
import { StandingFiles } from './standing-files.js'
import { buildStdio } from './stdio.js'
import { ReplayTape } from './tape-reader.js'
import { openTrace, type Trace } from './trace.js'

// What a program that is run again loads before its first line (`dist/replayer/program/preload.cjs`).
const orders = takeReplayOrders()
if (orders) {
  delete require.cache[__filename]
  const internals = findInternals()
  if (!internals) throw new Error('This Node keeps its bindings to itself: a program cannot be run again under it.')
  start(internals, orders)
}

function start(internals: Internals, orders: ReplayOrders): void {
  const { tape: tapePath, verdict: verdictPath, recording, sources, local, trust, own, output, stop } = orders
  const { trace: path, origins: follows, full, showAt, inspect } = orders
  const raw = {
    writeSync: fs.writeSync,
    writeFileSync: fs.writeFileSync,
    readSync: fs.readSync,
    readFileSync: fs.readFileSync,
    closeSync: fs.closeSync,
  }
  const standing = new StandingFiles([recording, dirname(tapePath)])
  const reallyExit = (process as unknown as { reallyExit(code: number): never }).reallyExit.bind(process)
  const fd = fs.openSync(tapePath, 'r')
  const kept = output === undefined ? undefined : fs.openSync(output, 'a', 0o600)
  const file = new TapeFile((size, position) => {
    // None of the program's pool.
    const bytes = Buffer.allocUnsafeSlow(size)
    return bytes.subarray(0, raw.readSync(fd, bytes, 0, size, position))
  })
  const handles = new HandleTable()
  const numbering = new Numbering((number, handle) => handles.add(number, handle))
  const v8 = () => process.getBuiltinModule('node:v8')
  const tape: ReplayTape = new ReplayTape({
    file,
    numberOf,
    handles,
    cloning: {
      serialize: (value) => v8().serialize(value),
      deserialize: (bytes) => v8().deserialize(bytes),
      loadSource,
    },
    onDivergence,
    onEnd,
    onExited,
    onTurn: (frame) => trace?.beginTurn(frame.ordinal),
    onStop,
    onShown,
    ...(showAt !== undefined && { showAt }),
  })
  const trace: Trace | undefined =
    path === undefined ? undefined : openTrace(internals, tape, { path, follows, full }, raw.writeSync)
  const stack = new OwnStack(internals, __filename)
  const prepare = Error.prepareStackTrace
  let asked: { readonly turn: number; readonly given: readonly Given[] } | undefined
  let thrown: { readonly text: string; readonly raw: boolean } | undefined
  const printed: [number, number] = [0, 0]

  function say(verdict: ReplayAnswer['verdict']): void {
    trace?.flush()
    tape.bypass = true
    raw.writeFileSync(verdictPath, JSON.stringify({ verdict, printed } satisfies ReplayAnswer))
    tape.bypass = false
  }

  function sayDiverged(divergence: MetDivergence, standing: Standing): void {
    say({ kind: 'diverged', divergence, standing, ...(thrown && { thrown }), ...count() })
  }

  function onDivergence(divergence: MetDivergence): never {
    tape.bypass = true
    sayDiverged(divergence, stack.take(thrown?.text))
    return reallyExit(0)
  }

  /** Node itself may ask first in a turn: what is looked for is the program's own line. */
  function onShown(turn: number, args: readonly unknown[]): void {
    tape.bypass = true
    asked ??= { turn, given: args.flatMap((value) => toGiven(value) ?? []) }
    const standing = stack.take()
    tape.bypass = false
    if (standing.stack.length === 0 && turn === asked.turn) return
    say({ kind: 'shown', ...asked, standing: turn === asked.turn ? standing : NOWHERE })
    reallyExit(0)
  }

  function readHere(path: string): Buffer | undefined {
    const before = tape.bypass
    tape.bypass = true
    try {
      return standing.read(path)
    } finally {
      tape.bypass = before
    }
  }

  function refuse(what: string): never {
    say({ kind: 'refused', what })
    return reallyExit(0)
  }

  function findLocal(path: string): Buffer | undefined {
    return isNamedCode(path) || path === process.mainModule?.filename ? readHere(path) : undefined
  }

  /** Whatever the recording says of its sources: what runs is compared once more. */
  const guard: CodeGuard = {
    isLoading: () => isLoading(__filename),
    check(path, code, at) {
      const here = readHere(path)
      const isSame =
        typeof code === 'string' ? here?.toString() === code : here?.subarray(at, at + code.length).equals(code)
      if (isSame) return
      refuse(`other code for ${path} than stands here`)
    },
    onHooks() {
      if (!own) refuse('answers of module hooks, which hand over code that stands in no file')
    },
  }

  function loadSource(hash: string): Buffer {
    const before = tape.bypass
    tape.bypass = true
    try {
      return raw.readFileSync(`${sources}/${hash}`)
    } finally {
      tape.bypass = before
    }
  }

  /** What Node does on its way out is in the tape too: the verdict is what was said last. */
  function onExited(): void {
    tape.exited = true
    const left = tape.describeNext()
    if (left === undefined) say({ kind: 'exact', ...count(), code: Number(process.exitCode ?? 0) })
    else sayDiverged({ ...left, replayed: 'the program has ended', entry: tape.entries + 1 }, NOWHERE)
  }

  function onEnd(): never {
    say({ kind: 'exact-to-the-kill', ...count() })
    return reallyExit(0)
  }

  function tellWaiting(inspector: string): () => void {
    raw.writeSync(INSPECTOR_FD, `${inspector}\n`)
    return () => raw.closeSync(INSPECTOR_FD)
  }

  function onStop(): void {
    if (debugged) return debugged.stand(seam, tellWaiting)
    say({ kind: 'stopped', ...count() })
    return reallyExit(0)
  }

  const count = () => ({ turns: tape.turns, entries: tape.entries })
  const events = {
    print(target: number, bytes: Uint8Array): void {
      const at = target === 1 ? 0 : 1
      const left = bytes.subarray(Math.max(0, Math.min(bytes.length, orders.printed[at] - printed[at])))
      printed[at] += bytes.length
      tape.bypass = true
      if (kept === undefined) writeAll(raw.writeSync, inspect && target === 2 ? STDERR_FD : target, left)
      else writeAll(raw.writeSync, kept, toChunk(tape.timeUs, target, left))
      tape.bypass = false
    },
    onExited,
    onEnd,
    channel: tape.head.channel,
    seed: new Seed(tape.head.seed, tape.head.seedIsGiven === true),
    sources: { ...(local && { findLocal }), ...(!trust && { guard }) },
  }
  takeIdentity(internals, tape.head)
  const { seed, worker, stdio } = tape.head
  if (worker) takeWorker(worker, v8().deserialize)
  else seedRandom(internals, seed)
  const debugged = inspect
    ? new Debugged(internals, tape, { preload: pathToFileURL(__filename).href, main: tape.head.argv[1] ?? '' })
    : undefined
  const seam = trace?.seam ?? new PassingSeam(full)
  Object.defineProperty(globalThis, SEAM_SYMBOL, { value: seam, configurable: true })
  if (!worker) buildStdio(internals, stdio)
  replayBoundary(internals, tape, numbering, events)
  hideFrames(internals, true)
  // As many listeners as the recorder has: each makes a tick where there is a channel to a parent.
  process.on('uncaughtExceptionMonitor', (error) => {
    const text = String((error as Error)?.stack ?? error)
    thrown = { text, raw: !process.sourceMapsEnabled && Error.prepareStackTrace === prepare }
  })
  process.on('exit', () => {})
  startPool()
  if (stop !== undefined) tape.stopAt(stop)
}

/** The recorded process's own numbers and names. */
function takeIdentity(internals: Internals, head: ReplayTape['head']): void {
  const define = (name: string, value: unknown): void => {
    // A native property keeps its value when it is given another one; one with a getter is none.
    Object.defineProperty(process, name, { get: () => value, configurable: true, enumerable: true })
    Object.defineProperty(process, name, { value, writable: true, configurable: true, enumerable: true })
  }
  define('pid', head.pid)
  // The native side would answer in the place of a value that is put over its own.
  Reflect.deleteProperty(process, 'ppid')
  define('ppid', head.ppid)
  process.argv.splice(0, process.argv.length, ...head.argv)
  process.execArgv.splice(0, process.execArgv.length, ...head.execArgv)
  define('execPath', head.execPath)
  if (head.debugPort !== undefined) define('debugPort', head.debugPort)
  if (!head.worker) takeDirectory(internals, head.cwd)
  const { milestones } = internals.binding('performance') as unknown as { milestones: Float64Array }
  milestones.set(head.milestones)
  takeEnvironment(process.env, head.env)
}

/** What a worker can see of itself. `Math.random` goes on where it stood. */
function takeWorker(
  { draws, threadId, resourceLimits, data }: WorkerHead,
  deserialize: (bytes: Uint8Array) => unknown,
): void {
  for (let left = draws; left > 0; left--) Math.random()
  const threads = process.getBuiltinModule('node:worker_threads')
  Object.assign(threads, { threadId, resourceLimits, workerData: data && deserialize(data) })
}

interface Paths {
  _nodeModulePaths(directory: string): string[]
}

/** Node keeps the directory once it was asked for, and asks before any preload. Only a change makes it ask again. */
function takeDirectory(internals: Internals, directory: string): void {
  const binding = internals.binding('process_methods')
  const { cwd, chdir } = binding
  Object.assign(binding, { cwd: () => directory, chdir: () => {} })
  process.chdir('.')
  process.cwd()
  Object.assign(binding, { cwd, chdir })
  const { getOptionValue } = internals.builtin('internal/options') as { getOptionValue(name: string): unknown }
  // To ask for a parent may warn, and of that the program shall hear first.
  const parent = getOptionValue('--pending-deprecation') ? undefined : module.parent
  // What else is preloaded is looked for from there, too.
  if (parent) parent.paths = (module.constructor as unknown as Paths)._nodeModulePaths(directory)
}

function writeAll(write: typeof fs.writeSync, fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += write(fd, bytes, done, bytes.length - done)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') return
      if (code !== 'EAGAIN') throw error
    }
  }
}
