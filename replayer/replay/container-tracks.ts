import type { Patch } from '../../src/events.js'
import { diff } from '../../src/json/diff.js'
import { Replica } from '../../src/json/patch.js'
import type { Change } from '../../src/scope/seam.js'
import type { RecordedValues } from './recorded-values.js'

interface Track {
  /** Follows the recorded deltas. */
  readonly recorded: Replica
  /** State after the last replayed change, as the program holds it. */
  replayed: unknown
}

/** Each container's recorded state beside its replayed one. They are compared by what a change does, not by how its delta
 *  is written: a better differ must not break old recordings. */
export class ContainerTracks {
  readonly #values: RecordedValues
  readonly #tracks = new Map<number, Track>()

  constructor(values: RecordedValues) {
    this.#values = values
  }

  /** A whole state on both sides. @returns whether they are the same */
  begin(container: number, recorded: unknown, replayed: unknown): boolean {
    this.#tracks.set(container, { recorded: new Replica(recorded), replayed })
    return this.#values.same(recorded, replayed)
  }

  toPatch(_container: number, change: Change): Patch {
    const patch = 'patch' in change ? change.patch : diff(change.before, change.after)
    return this.#values.pass(patch) as Patch
  }

  /** @returns whether both deltas lead to the same state. Costs what they change where they are written the same. */
  follow(container: number, recorded: Patch, replayed: Patch, after: unknown): boolean {
    const track = this.#tracks.get(container)
    if (track === undefined) return false
    track.recorded.apply(recorded)
    track.replayed = after
    return this.#values.same(recorded, replayed) || this.#values.same(track.recorded.snapshot(), after)
  }

  /** Compares the whole states once more. @returns the containers that differ, with both states */
  differing(): { readonly container: number; readonly recorded: unknown; readonly replayed: unknown }[] {
    return [...this.#tracks]
      .map(([container, track]) => ({ container, recorded: track.recorded.snapshot(), replayed: track.replayed }))
      .filter(({ recorded, replayed }) => !this.#values.same(recorded, replayed))
  }
}
