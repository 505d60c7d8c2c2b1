import type { SubjectNo } from '../ids.js'
import type { Wrapped } from '../scope/patch.js'
import type { Seam } from '../scope/seam.js'

export interface ContainerOptions {
  /** Session that the container belongs to. */
  readonly within?: SubjectNo
}

/** What every container adapter works with. */
export interface ContainerContext {
  readonly seam: Seam
  readonly name: string
  /** Announces the container's process, or one of those in it (an actor's child). */
  open(adapter: string, type: 'store' | 'actor' | 'object', name?: string): SubjectNo
}

/** One kind of state holder: how it is recognised, and how it is wrapped. */
export interface ContainerAdapter {
  readonly adapter: string
  /** How the error names it that lists what is supported. */
  readonly title: string
  matches(value: object): boolean
  wrap(value: object, context: ContainerContext): Wrapped
}
