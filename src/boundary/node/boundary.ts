import * as addons from './addons.js'
import * as asyncHooks from './async-hooks.js'
import * as atomics from './atomics.js'
import * as chanceJobs from './chance-jobs.js'
import { Chaos } from './chaos.js'
import * as clocks from './clocks.js'
import * as codeCache from './code-cache.js'
import { Contexts } from './context.js'
import * as crypto from './crypto.js'
import * as defaultPolicy from './default-policy.js'
import * as deferredJobs from './deferred-jobs.js'
import * as directories from './directories.js'
import { showOriginals } from './disguise.js'
import * as dns from './dns.js'
import * as earlyModules from './early-modules.js'
import * as ending from './ending.js'
import * as fileBlobs from './file-blobs.js'
import * as fileJobs from './file-jobs.js'
import * as finalization from './finalization.js'
import * as fs from './fs.js'
import type { RecordTools, ReplayTools } from './handles.js'
import type { TapeHead } from './head.js'
import * as heap from './heap.js'
import * as httpParser from './http-parser.js'
import * as http2 from './http2.js'
import type { Internals, Native } from './internals.js'
import * as ipc from './ipc.js'
import * as joints from './joints.js'
import * as jsStream from './js-stream.js'
import * as loader from './loader.js'
import { MessageReader, MessageWriter } from './messages.js'
import * as messaging from './messaging.js'
import * as moduleHooks from './module-hooks.js'
import type { Numbering } from './numbering.js'
import * as performance from './performance.js'
import * as processMethods from './process-methods.js'
import * as processes from './processes.js'
import * as random from './random.js'
import { Realms } from './realms.js'
import { ReplayedSources, type SourceRules } from './replayed-sources.js'
import { RequestRecorder, RequestReplayer } from './requests.js'
import type { Seed } from './seed.js'
import * as streamPipe from './stream-pipe.js'
import * as streams from './streams.js'
import type { TapeReader, TapeWriter } from './tape.js'
import * as ticks from './ticks.js'
import * as timers from './timers.js'
import * as tls from './tls.js'
import * as udp from './udp.js'
import * as unfed from './unfed.js'
import * as watching from './watching.js'
import * as weakRefs from './weak-refs.js'
import * as webAssembly from './web-assembly.js'
import * as worker from './worker.js'
import * as zlib from './zlib.js'

/** Bindings that need no more than the tools. */
const BINDINGS = [
  streams,
  processes,
  codeCache,
  dns,
  random,
  chanceJobs,
  crypto,
  deferredJobs,
  zlib,
  httpParser,
  webAssembly,
  finalization,
  heap,
  performance,
  weakRefs,
  atomics,
  asyncHooks,
  directories,
  fileBlobs,
  fileJobs,
  watching,
  tls,
  jsStream,
  udp,
  http2,
  streamPipe,
] as const

/** Sets the seed of `Math.random` in all contexts to come: before anybody has called it. */
export function seedRandom(internals: Internals, seed: number): void {
  ;(internals.binding('v8')['setFlagsFromString'] as Native)(`--random-seed=${seed}`)
}

/** Puts the recording half of every binding in its place.
 *  @param chaos seed by which the order of what comes is perturbed */
export function recordBoundary(
  internals: Internals,
  tape: TapeWriter,
  numbering: Numbering,
  { onUnfed, onAssumed, hide }: Pick<RecordTools, 'onUnfed' | 'hide'> & defaultPolicy.Met,
  seed: Seed,
  chaosSeed?: number,
): void {
  const contexts = new Contexts(internals)
  const chaos = chaosSeed === undefined ? undefined : new Chaos(internals, contexts, chaosSeed)
  const requests = new RequestRecorder(tape, chaos)
  const join = joints.record(internals, tape)
  const realms = new Realms(seed)
  const noise = chaos && { chaos }
  const checks: (() => void)[] = []
  const own = { requests, numbering, contexts, realms, join, checks }
  const tools: RecordTools = { internals, tape, ...own, onUnfed, hide, ...noise }
  const left = ticks.record(internals, tape)
  tape.onTangled = () => onUnfed('a call within another, as a hook on asynchronous resources may make')
  tape.onDelivery = chaos ? () => perturb(chaos, left) : () => left.delivered()
  tape.onOverlap = () => onAssumed('writes to stdout and stderr that overlap, whose order')
  showOriginals(realms)
  timers.record(internals, tape, checks, chaos)
  ending.record(tape, left)
  clocks.record(internals, tape, realms)
  processMethods.record(internals, tape)
  fs.record(internals, tools)
  loader.record(internals, tape)
  const messages = new MessageWriter(tools)
  // Keeps what it finds when it is loaded: first.
  moduleHooks.record(tools, messages)
  for (const binding of BINDINGS) binding.record(tools)
  ipc.record(tools)
  if (ipc.describeChannel(internals)) earlyModules.record(tape)
  worker.record(tools, messaging.record(tools, messages))
  unfed.record(internals, onUnfed)
  defaultPolicy.record(internals, tape, { onUnfed, onAssumed, takeAddon: addons.record(tools) })
  realms.watch()
  syncExports()
}

function perturb(chaos: Chaos, left: ticks.Ticks): void {
  left.delivered()
  chaos.stall()
}

export interface ReplayEvents {
  /** Of the thread's head. */
  readonly channel: TapeHead['channel']
  readonly seed: Seed
  /** What the program writes to its own stdout and stderr. */
  print(fd: number, bytes: Uint8Array): void
  readonly sources: SourceRules
  /** The program has run to its end. */
  onExited(): void
  /** The recording has no more, and the program waits. */
  onEnd(): void
}

/** Puts the replaying half of every binding in its place; from then on the tape drives the program. */
export function replayBoundary(
  internals: Internals,
  tape: TapeReader,
  numbering: Numbering,
  { channel, seed, print, sources, onExited, onEnd }: ReplayEvents,
): void {
  const contexts = new Contexts(internals)
  contexts.bounce()
  contexts.watchIds(internals)
  numbering.onMet = (handle) => contexts.note(handle)
  const requests = new RequestReplayer(tape, contexts)
  const realms = new Realms(seed)
  const tools: ReplayTools = {
    internals,
    tape,
    requests,
    numbering,
    contexts,
    realms,
    print,
    sources,
    files: new ReplayedSources(sources),
  }
  showOriginals(realms)
  const left = ticks.replay(internals, tape)
  const isForeign = ending.isEnding(tape)
  ending.replay(
    tape,
    left,
    () => pump,
    () => {
      printLeft()
      onExited()
    },
  )
  clocks.replay(internals, tape, realms)
  processMethods.replay(internals, tape)
  const printLeft = fs.replay(internals, tape, tools)
  loader.replay(internals, tape)
  const messages = new MessageReader(tools)
  // Keeps what it finds when it is loaded: first.
  moduleHooks.replay(tools, messages)
  for (const binding of BINDINGS) binding.replay(tools)
  ipc.replay(tools, channel)
  if (channel) earlyModules.replay(tape)
  worker.replay(tools, messaging.replay(tools, messages))
  unfed.replay(internals, tape)
  defaultPolicy.replay(internals, tape, addons.replay(tools))
  realms.watch()
  const isJoined = joints.replay(tape)
  const pump = timers.replay(internals, tape, { onEnd, isForeign, isJoined, onDelivery: () => left.delivered() })
  syncExports()
}

/** A program may import by name what was patched in a module's exports. */
function syncExports(): void {
  process.getBuiltinModule('node:module').syncBuiltinESMExports()
}
