import fs from 'node:fs'
import type { Internals } from '../../src/boundary/node/internals.js'
import { Redaction } from '../../src/redaction/redaction.js'
import type { Seam } from '../../src/scope/seam.js'
import { type CauseCode, Origins, toRecordedCause } from './origins.js'
import type { ReplayTape } from './tape-reader.js'
import { TraceWriter } from './trace-writer.js'
import { type GetPromiseState, TracingSeam } from './tracing-seam.js'

/** What a trace is written to. */
export interface TraceFiles {
  readonly events: string
  readonly rows: string
}

export function toTraceFiles(path: string): TraceFiles {
  return { events: path, rows: `${path}.rows` }
}

/** Capture in a program that is run again. */
export interface Trace {
  readonly seam: Seam
  /** A turn begins with the recorded event of that ordinal. */
  beginTurn(ordinal: number): void
  flush(): void
}

/** Begins to write down what the program's channels and containers do. To be called before anything is patched. */
export function openTrace(
  internals: Internals,
  tape: ReplayTape,
  { path, follows, full }: { readonly path: string; readonly follows: boolean; readonly full: boolean },
  writeSync: typeof fs.writeSync,
): Trace {
  const files = toTraceFiles(path)
  const [events, rows] = [fs.openSync(files.events, 'wx', 0o600), fs.openSync(files.rows, 'wx', 0o600)]
  const append = (fd: number, bytes: Uint8Array): void => {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done)
  }
  const past = <T>(call: () => T): T => {
    const before = tape.bypass
    tape.bypass = true
    try {
      return call()
    } finally {
      tape.bypass = before
    }
  }
  const redaction = openRedaction()
  const writer = new TraceWriter(
    { events: (bytes) => append(events, bytes), rows: (bytes) => append(rows, bytes) },
    redaction,
  )
  const origins = new Origins(internals, follows)
  // Of the first turn no delivery says why it runs: it is what the thread begins with.
  let turn: CauseCode = -1
  const seam = new TracingSeam(full, {
    write: (frame, body) =>
      past(() => {
        try {
          return writer.write(tape.landmarks.met, frame, body)
        } catch {
          return -1
        }
      }),
    origins,
    meet: (kind, name) => past(() => tape.landmarks.pass(kind, name)),
    getTurn: () => turn,
    getPromiseState: toPromiseState(internals),
    redactPatch: (patch, after) => past(() => redaction.patch(patch, after)),
  })
  return {
    seam,
    beginTurn(ordinal) {
      seam.beginTurn()
      turn = toRecordedCause(ordinal)
      origins.beginTurn(turn)
    },
    flush: () => past(() => writer.flush()),
  }
}

/** Without a key that anybody could have: equal secrets have the same number, and that is all it says. */
function openRedaction(): Redaction {
  const numbers = new Map<string, string>()
  const hash = (_key: Buffer, text: string): string => {
    const known = numbers.get(text) ?? numbers.size.toString(16).padStart(12, '0')
    numbers.set(text, known)
    return known
  }
  return new Redaction({}, {}, Buffer.from('no key'), { hash, report() {} })
}

function toPromiseState(internals: Internals): GetPromiseState {
  const { getPromiseDetails } = internals.binding('util') as unknown as {
    getPromiseDetails(value: object): readonly [0 | 1 | 2, unknown] | undefined
  }
  return (promise) => (promise instanceof Promise ? getPromiseDetails(promise)?.[0] : undefined)
}
