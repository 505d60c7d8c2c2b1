import type { ByteTarget } from '../src/values/target.js'

/** Where the driver's frames go: a spool file, or memory. No method throws. */
export interface FrameSink {
  /** Opens one event's frame. `timeUs`: wall clock. `cause`, `origin`: ordinals, −1 for none.
   *  @returns where its body is to be encoded, before `end` */
  begin(kindCode: number, flags: number, subject: number, timeUs: number, cause: number, origin: number): ByteTarget
  /** Takes the event. @param dictionary the encoder's, when its body is the first to need that */
  end(dictionary: Uint8Array | undefined): void
  /** Takes a source that the event which comes next is the first to need. While no event is open. */
  source(frame: Uint8Array, timeUs: number): void
  /** Hands over what waits. */
  flush(): void
  /** From here on nothing waits: the thread is about to end. */
  writeThrough(): void
  /** Flushes and lets go of what it holds. */
  close(): void
}

/** Body of a `gap` event that says that `count` events could not be stored. */
export type GapEncoder = (count: number, detail: string) => Uint8Array
