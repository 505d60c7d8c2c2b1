import type { Branded } from '../../ids.js'

/** Number of a kind of call or delivery on one tape; its name stands at the tape's head. */
export type Code = Branded<number, 'Code'>

/** Ordinal of the event that opened a turn. */
export type TurnNo = number

/** What both halves of a binding need. */
export interface Tape {
  /** While true the tool itself is at work: its own calls pass through. */
  bypass: boolean
  /** The number of a kind of call or delivery. Called while a binding is patched, never on a hot path. */
  code(name: string): Code
}

/** Takes down what a program asks and gets. An entry of a call is `begin`, `argument` …, `result`, `value` …, `end`; of a
 *  delivery `deliver`, `value` …, `end`, and then the program's callback runs. No method throws. */
export interface TapeWriter extends Tape {
  /** Called when a delivery begins. */
  onDelivery: () => void
  /** Called when a call begins within another that knows nothing of it: the tape cannot be read from there on. */
  onTangled: () => void
  /** How many calls have begun. */
  readonly begun: number
  /** Opens the entry of a synchronous call. */
  begin(code: Code): void
  /** What the program gave. Equal on replay, else the replay has diverged. */
  argument(value: unknown): void
  /** The same for bytes: their length and CRC. */
  digest(bytes: Uint8Array): void
  /** Whether what is delivered is nested in a native call of the moment. */
  readonly nested: boolean
  /** A native call follows in which the program may be called back: what is delivered until `leave` is nested in it. */
  enter(): void
  leave(): void
  /** What follows came back. */
  result(): void
  value(value: unknown): void
  /** The same for bytes of which a copy is not yet made. */
  bytes(bytes: Uint8Array): void
  end(): void
  /** Whether others may write to the same stdout and stderr: their order is known by when each write is handed over. */
  readonly shared: boolean
  /** Something is written to stdout or stderr. */
  output(): void
  /** Writes to stdout and stderr that wait for the thread pool. */
  writing: number
  /** Called when something is written while others wait: nobody knows in which order they come out. */
  onOverlap: () => void
  /** Opens a turn, or a delivery nested in the native call of the moment. `cause`: turn in which it was asked for. */
  deliver(code: Code, cause: TurnNo): void
  /** The turn of the moment: to be kept with what is asked for in it. */
  readonly turn: TurnNo
  /** The native callback scope is over: what was written may go to disk. */
  endTurn(): void
  /** Everything written so far is handed over before this returns. */
  flush(): void
  /** From here on each entry is handed over at once: the thread is about to end. */
  writeThrough(): void
}

/** Answers from what was taken down, in the same order. What does not fit ends the replay with a divergence: then no
 *  method returns. */
export interface TapeReader extends Tape {
  begin(code: Code): void
  argument(value: unknown): void
  digest(bytes: Uint8Array): void
  /** What was given is known to be otherwise: a source file that stands here has another size. */
  skipArguments(): void
  /** Makes the deliveries that were nested in this call and moves on to what came back. */
  result(): void
  value(): unknown
  end(): void
  /** Whether that call with these arguments is what comes next. Takes nothing. */
  isNext(code: Code, ...args: readonly unknown[]): boolean
  /** How to make a delivery of that kind. Called with the tape at its values; calls `end` before the program's callback. */
  on(code: Code, deliver: () => void): void
  /** Whether the next entry is that call, with those arguments. */
  offers(code: Code, args: readonly unknown[]): boolean
  /** What comes next. */
  peek(): 'call' | 'delivery' | 'end'
  /** Kind of the delivery or call that comes next. */
  readonly next: Code
  /** Makes the delivery that comes next. */
  deliver(): void
  /** The program does something for which the recording has nothing. */
  diverge(what: string): never
  /** A handle of the program's by its number. */
  find(number: number): object
  /** A handle is closed: the tape keeps it no longer. */
  release(handle: object): void
}
