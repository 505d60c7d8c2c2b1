import type { writeSync } from 'node:fs'
import { resourceLimits, threadId, workerData } from 'node:worker_threads'
import { recordBoundary, seedRandom } from '../src/boundary/node/boundary.js'
import { startPool } from '../src/boundary/node/buffer-pool.js'
import { BOUNDARY, type TapeHead, type WorkerHead, type WorkerStart } from '../src/boundary/node/head.js'
import { findInternals, type Internals, type Native } from '../src/boundary/node/internals.js'
import { describeChannel } from '../src/boundary/node/ipc.js'
import { serializePlain } from '../src/boundary/node/messages.js'
import { Numbering, numberOf } from '../src/boundary/node/numbering.js'
import type { Seed } from '../src/boundary/node/seed.js'
import { hideFrames } from '../src/boundary/node/stacks.js'
import { replace } from '../src/boundary/node/synchronous.js'
import { setNativeCrc } from '../src/spool/crc.js'
import type { Driver } from './driver.js'
import { closes, getTimeUs, originals, passBy, setClock, setHmac } from './originals.js'
import { findFile } from './outputs.js'
import { SourceTeller } from './source-teller.js'
import { SpoolTape } from './tape-writer.js'

export type { Internals }

/** Reaches the bindings, and takes the clock from there before anybody loads a module that keeps it.
 *  @returns undefined where this Node keeps them to itself */
export function openBoundary(): Internals | undefined {
  const internals = findInternals()
  if (!internals) return undefined
  const { now, milestones, constants } = internals.binding('performance') as unknown as {
    now(): number
    milestones: Float64Array
    constants: Record<string, number>
  }
  const timeOrigin = milestones[constants['NODE_PERFORMANCE_MILESTONE_TIME_ORIGIN_TIMESTAMP']!]! / 1000
  setClock({ now: () => now(), timeOrigin })
  takeHmac(internals)
  const { crc32 } = internals.binding('zlib') as { crc32?: Parameters<typeof setNativeCrc>[0] }
  if (crc32) setNativeCrc(crc32)
  return internals
}

/** `node:crypto` keeps the classes of its binding: it must not be loaded before they are replaced. */
function takeHmac(internals: Internals): void {
  const Hmac = internals.binding('crypto')['Hmac'] as new () => Record<'init' | 'update' | 'digest', Native>
  setHmac((key, text) => {
    const hmac = new Hmac()
    hmac.init('sha256', key)
    hmac.update(text, 'utf8')
    return hmac.digest('hex') as string
  })
}

export interface TapedThread {
  readonly internals: Internals
  readonly driver: Driver
  /** Environment as it may be stored. */
  readonly env: Readonly<Record<string, string>>
  /** A text as it may be stored, where it came out of the environment. */
  hide(text: string): string
  /** Of `Math.random` in all threads of the process. */
  readonly seed: Seed
  readonly worker: WorkerStart | undefined
  /** Seed by which the order of what comes is perturbed. */
  readonly chaos?: number
  /** Put what the thread loads into the recording, and not only its hashes. */
  readonly sources: boolean
  /** What stands behind the command's stdout and stderr. */
  readonly outputs: string
}

export function makeSeed(): number {
  return (Number(process.hrtime.bigint() % 1_000_000_007n) + 1) | 0
}

/** Records every input of this thread from here on. To be called last: what is patched before runs below it. */
export function startTape({
  internals,
  driver,
  env,
  hide,
  seed,
  worker,
  chaos,
  sources,
  outputs,
}: TapedThread): SpoolTape {
  const numbering = new Numbering()
  const tape = new SpoolTape(driver, numberOf, toCloning(), new SourceTeller(internals, sources))
  const { statValues } = internals.binding('fs') as unknown as { statValues: Float64Array }
  const kept = new Float64Array(statValues.length)
  const around = <T>(call: () => T): T => {
    const before = tape.bypass
    tape.bypass = true
    // The native side answers every stat in one array: the program's may still have to be read.
    kept.set(statValues)
    try {
      return call()
    } finally {
      statValues.set(kept)
      tape.bypass = before
    }
  }
  passBy(around, (real) => toAside(tape, real))
  watchCloses(internals)
  // One of the program's own kind would use up an async id.
  originals.queueMicrotask = internals.binding('task_queue')['enqueueMicrotask'] as typeof queueMicrotask
  if (!worker) seedRandom(internals, seed.value)
  const head = {
    ...readHead(internals, { env, hide, seed }),
    ...(!worker && { files: [0, 1, 2].map(findFile), outputs: outputs.split(',') }),
    ...(worker && { worker: readWorker(internals, worker) }),
  }
  const met = new Set<string>()
  const say = (op: 'observed' | 'assumed') => (call: string) => {
    if (met.has(call) || tape.bypass) return
    met.add(call)
    driver.process(0 as never, { op, call })
  }
  recordBoundary(internals, tape, numbering, { onUnfed: say('observed'), onAssumed: say('assumed'), hide }, seed, chaos)
  hideFrames(internals)
  driver.attach(tape)
  tape.writeHead(head)
  if (head.worker && !head.worker.data) {
    driver.process(0 as never, { op: 'observed', call: 'worker data with ports, shared memory or native objects' })
  }
  startPool()
  return tape
}

/** Below the tape: a recorder that asked the system before each write whose file that is would pay half a write more. */
function watchCloses(internals: Internals): void {
  const binding = internals.binding('fs')
  const close = binding['close'] as Native
  replace(binding, 'close', function (this: unknown): unknown {
    closes.lastUs = getTimeUs()
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(close, this, arguments)
  })
  closes.areSeen = true
}

/** @returns a `writeSync` that is not recorded */
function toAside(tape: SpoolTape, real: typeof writeSync): typeof writeSync {
  return ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
    const before = tape.bypass
    tape.bypass = true
    try {
      return real(fd, bytes, offset, length, position)
    } finally {
      tape.bypass = before
    }
  }) as typeof writeSync
}

function toCloning() {
  const v8 = () => process.getBuiltinModule('node:v8')
  return {
    serialize: (value: unknown) => v8().serialize(value),
    deserialize: (bytes: Uint8Array) => v8().deserialize(bytes),
  }
}

function readHead(
  internals: Internals,
  { env, hide, seed }: Pick<TapedThread, 'env' | 'hide' | 'seed'>,
): Omit<TapeHead, 'calls'> {
  const { guessHandleType } = internals.builtin('internal/util') as { guessHandleType: Native }
  const { milestones } = internals.binding('performance') as unknown as { milestones: Float64Array }
  const channel = describeChannel(internals)
  return {
    node: process.version,
    boundary: BOUNDARY,
    seed: seed.value,
    ...(seed.isGiven && { seedIsGiven: true }),
    pid: process.pid,
    ppid: process.ppid,
    argv: process.argv.map(hide),
    argv0: process.argv0,
    execArgv: process.execArgv.map(hide),
    execPath: process.execPath,
    cwd: findCwd(),
    title: hide(process.title),
    env,
    hidden: Object.keys(env).filter((name) => env[name] !== process.env[name]),
    stdio: [0, 1, 2].map((fd) => String(guessHandleType(fd))),
    milestones: milestones.slice(),
    debugPort: process.debugPort,
    ...(channel && { channel }),
  }
}

const MOST_DRAWS = 50_000n

function readWorker(internals: Internals, start: WorkerStart): WorkerHead {
  const draws = start.seedIsGiven ? 0 : Number(process.hrtime.bigint() % MOST_DRAWS)
  for (let left = draws; left > 0; left--) Math.random()
  return { ...start, draws, threadId, resourceLimits, data: serializePlain(internals, workerData) }
}

/** A program may have removed the directory that it runs in. */
function findCwd(): string {
  try {
    return process.cwd()
  } catch {
    return ''
  }
}
