/** Where the driver's frames go: a spool file, or memory. No method throws. */
export interface FrameSink {
  /** Takes one event; its bytes are copied. `timeUs`: wall clock. `cause`, `origin`: ordinals, −1 for none. */
  event(
    kindCode: number,
    flags: number,
    subject: number,
    timeUs: number,
    cause: number,
    origin: number,
    payload: Uint8Array,
  ): void
  /** Takes the encoder's dictionary; comes before the first event that needs it. */
  dictionary(bytes: Uint8Array): void
  /** Hands over what waits. */
  flush(): void
  /** From here on nothing waits: the thread is about to end. */
  writeThrough(): void
  /** Flushes and lets go of what it holds. */
  close(): void
}

/** Body of a `gap` event that says that `count` events could not be stored. */
export type GapEncoder = (count: number, detail: string) => Uint8Array
