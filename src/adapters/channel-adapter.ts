import type { SubjectNo } from '../ids.js'
import type { Wrapped } from '../scope/patch.js'
import type { ChannelOptions } from '../scope/scope.js'
import type { Seam } from '../scope/seam.js'

/** What every channel adapter works with. */
export interface ChannelContext {
  readonly seam: Seam
  readonly name: string
  readonly options: ChannelOptions
  /** Announces the channel's process. The caller's option goes first, then the `end` that the transport itself knows,
   *  then the `likely` one unless this thread has it already. `of`: the object that may know its peer's thread. */
  open(transport: string, known?: KnownEnd): SubjectNo
}

export interface KnownEnd {
  readonly end?: 0 | 1
  readonly likely?: 0 | 1
  readonly of?: object
  /** As in the channel's record: it has one end only; its other end is outside of what can be recorded. */
  readonly loop?: true
  readonly outside?: true
}

/** One transport: how it is recognised, and how its ends are wrapped. */
export interface ChannelAdapter {
  readonly transport: string
  /** How the error names it that lists what is supported. */
  readonly title: string
  matches(end: object): boolean
  wrap(end: object, context: ChannelContext): Wrapped
}

/** Structural test: the object has all of these methods. */
export function hasMethods(value: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === 'function')
}
