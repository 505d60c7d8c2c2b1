/** A nominal type: the border parses a plain value once, the inside passes the branded one on. */
export type Branded<T, Name extends string> = T & { readonly __brand: Name }

/** Position of an event in one recording: 0, 1, 2, … without holes. Never a clock time. */
export type Seq = Branded<number, 'Seq'>

/** Number of an event within its thread: 0, 1, 2, … in the order in which the recorded program gave them. */
export type Ordinal = Branded<number, 'Ordinal'>

/** Small number of a thread in one recording, given by first appearance. */
export type ThreadNo = Branded<number, 'ThreadNo'>

/** Lasting name of a thread: `0`, `0.2` (second child or worker that `0` started), `0.2-2` (a second Node process that
 *  was started under the same name by something in between, such as a shell). The same in every run. */
export type ThreadPath = Branded<string, 'ThreadPath'>

/** Number of a process (in the sense of DESIGN §1) within its thread; 0 is the thread itself. */
export type SubjectNo = Branded<number, 'SubjectNo'>

/** `thread.n.incarnation` as it is typed, such as `0.17.0`. */
export type Pid = Branded<string, 'Pid'>

/** Names an event in spools, causes and message pairs. */
export interface EventRef {
  readonly thread: ThreadNo
  readonly ordinal: Ordinal
}

/** The only way in: codec, command-line flag. @throws TypeError unless `value` is an integer ≥ 0 */
export function toSeq(value: number): Seq {
  return toNatural(value, 'seq') as Seq
}

/** @throws TypeError unless `value` is an integer ≥ 0 */
export function toOrdinal(value: number): Ordinal {
  return toNatural(value, 'ordinal') as Ordinal
}

/** @throws TypeError unless `value` is an integer ≥ 0 */
export function toThreadNo(value: number): ThreadNo {
  return toNatural(value, 'thread number') as ThreadNo
}

/** @throws TypeError unless `value` is an integer ≥ 0 */
export function toSubjectNo(value: number): SubjectNo {
  return toNatural(value, 'process number') as SubjectNo
}

const THREAD_PATH = /^\d+(-\d+)?(\.\d+(-\d+)?)*$/

/** @throws TypeError unless `value` is dot-separated numbers, each with an optional `-n` */
export function toThreadPath(value: string): ThreadPath {
  if (!isThreadPath(value)) throw new TypeError(`not a thread path: ${JSON.stringify(value)}`)
  return value as ThreadPath
}

export function isThreadPath(value: string): value is ThreadPath {
  return THREAD_PATH.test(value)
}

/** Formats a process's identity as people type it: `0.17.0`. */
export function toPid(thread: number, subject: number, incarnation: number): Pid {
  return `${thread}.${subject}.${incarnation}` as Pid
}

function toNatural(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`not a ${what}: ${String(value)}`)
  return value
}
