import type { Contexts } from './context.js'
import type { Internals, Native } from './internals.js'

/** Fields of `immediateInfo`, shared with the native side (lib/internal/timers.js). */
const REF_COUNT = 1

/** How much is perturbed: the share of turns before which time passes and of errands that are slow, times in ms. Each
 *  thread draws one of these from its seed, since what one of them brings about another hides. */
const TEMPERS = [
  { stalls: 0, stall: 0, slow: 0.5, hold: 3 },
  { stalls: 0.15, stall: 4, slow: 0.25, hold: 10 },
  { stalls: 0.3, stall: 12, slow: 0, hold: 0 },
  { stalls: 0.05, stall: 30, slow: 0.3, hold: 40 },
] as const

/** How often an errand that goes on is another one from there. */
const TURNS_OFF = 0.15

/** Callbacks that wait at a time; more come as they would. */
const MOST_HELD = 256

/** While callbacks wait the loop does not sleep; it is made to, so that others become ready. In ms. */
const SPIN = 0.2

/** What may be slept in all: so many ms, and this part of the time that the thread has run. */
const ALLOWANCE = { ms: 50, part: 0.5 } as const

interface Held {
  /** What comes from one handle keeps its order. */
  readonly key: object
  readonly run: () => void
  /** When it may come, in ms of the clock. */
  readonly due: number
}

/** Whether what is asked for is slow. What an answer leads the program to ask for next is as slow as that was: so one
 *  errand overtakes another, however many steps each of them has. */
export type Pace = boolean

/** Lets what the system delivers to a thread come in another order, as far as Node promises none: completions of the
 *  thread pool and of the system's own calls, what different handles bring, what is due when a turn begins. Everything
 *  perturbed lies below the tape, which takes it down as it came. */
export class Chaos {
  readonly #contexts: Contexts
  readonly #info: Uint32Array
  readonly #toggle: (on: boolean) => void
  readonly #stream: Int32Array
  readonly #temper: (typeof TEMPERS)[number]
  readonly #pause = new Int32Array(new SharedArrayBuffer(4))
  readonly #now: () => number
  /** The real one: the program's is recorded. */
  readonly #wait = Atomics.wait
  #held: Held[] = []
  #slept = 0
  /** Of the errand that this turn belongs to, and of the answer that is about to open one. */
  #pace: Pace | undefined
  #arriving: Pace | undefined
  #seed: number

  /** @param seed any whole number; the same one makes the same draws */
  constructor(internals: Internals, contexts: Contexts, seed: number) {
    const timers = internals.binding('timers') as unknown as {
      immediateInfo: Uint32Array
      toggleImmediateRef(on: boolean): void
    }
    this.#contexts = contexts
    this.#info = timers.immediateInfo
    this.#toggle = timers.toggleImmediateRef
    this.#now = internals.binding('performance')['now'] as () => number
    this.#stream = internals.binding('stream_wrap')['streamBaseState'] as Int32Array
    this.#seed = spread(seed)
    this.#temper = TEMPERS[Math.floor(this.#draw() * TEMPERS.length)]!
  }

  /** A turn is about to begin: time may pass before it does. */
  stall(): void {
    this.#pace = this.#arriving
    this.#arriving = undefined
    const { stalls, stall } = this.#temper
    if (this.#draw() < stalls) this.#sleep(this.#draw() ** 2 * stall)
  }

  /** Stands for a callback that may come after any other. */
  anyOrder(callback: Native): Native {
    return this.#wrap(callback, callback, this.drawPace())
  }

  /** The same for what comes from a handle, of which it keeps the order. */
  inOrder(handle: object, callback: Native): Native {
    return this.#wrap(handle, callback, this.drawPace())
  }

  /** To be called when something is asked for whose answer will be postponed. */
  drawPace(): Pace {
    const pace = this.#pace
    // What the turn asks for next is an errand of its own.
    this.#pace = undefined
    return pace === undefined || this.#draw() < TURNS_OFF ? this.#draw() < this.#temper.slow : pace
  }

  /** Runs `body`, which opens a turn, now or later in a native callback scope. */
  postpone(pace: Pace, body: () => void): void {
    const run = (): void => {
      this.#arriving = pace
      body()
    }
    if (!this.#hold(run, pace, run)) run()
  }

  /** The program closes a handle: the system would deliver nothing of it any more. */
  drop(handle: object): void {
    const kept = this.#held.filter(({ key }) => key !== handle)
    if (kept.length === this.#held.length) return
    this.#held = kept
    if (kept.length === 0) this.#rest()
  }

  /** To be called in each turn of the loop, in a native callback scope that has nothing else to run.
   *  Runs at most one of the callbacks that wait. */
  release(): void {
    if (this.#held.length === 0) return
    const now = this.#now()
    const seen = new Set<object>()
    const ready = this.#held.filter(({ key, due }) => {
      const isFirst = !seen.has(key)
      seen.add(key)
      return isFirst && due <= now
    })
    if (ready.length === 0) return this.#sleep(SPIN)
    const one = ready[Math.floor(this.#draw() * ready.length)]!
    this.#held.splice(this.#held.indexOf(one), 1)
    if (this.#held.length === 0) this.#rest()
    one.run()
  }

  #wrap(key: object, callback: Native, pace: Pace): Native {
    const chaos = this
    return function (this: unknown): void {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const args = arguments
      const read = chaos.#stream.slice()
      const run = (): void => {
        chaos.#stream.set(read)
        chaos.#arriving = pace
        Reflect.apply(callback, this, args)
      }
      if (!chaos.#hold(key, pace, run)) run()
    }
  }

  #hold(key: object, pace: Pace, body: () => void): boolean {
    const follows = this.#held.some((one) => one.key === key)
    if (!follows && (!pace || this.#held.length >= MOST_HELD || this.#isSpent())) return false
    if (this.#held.length === 0) this.#wake()
    const within = this.#contexts.take()
    this.#held.push({ key, run: () => within(body), due: this.#now() + this.#draw() ** 2 * this.#temper.hold })
    return true
  }

  /** Keeps the loop turning, and alive. */
  #wake(): void {
    if (this.#info[REF_COUNT]!++ === 0) this.#toggle(true)
  }

  #rest(): void {
    if (--this.#info[REF_COUNT]! === 0) this.#toggle(false)
  }

  #sleep(ms: number): void {
    if (this.#isSpent()) return
    this.#slept += ms
    this.#wait(this.#pause, 0, 0, ms)
  }

  #isSpent(): boolean {
    return this.#slept > ALLOWANCE.ms + this.#now() * ALLOWANCE.part
  }

  /** 0 … 1, by a 32-bit xorshift (Marsaglia, 2003). */
  #draw(): number {
    this.#seed ^= this.#seed << 13
    this.#seed ^= this.#seed >>> 17
    this.#seed ^= this.#seed << 5
    return (this.#seed >>> 0) / 2 ** 32
  }
}

/** Neighbouring seeds shall draw nothing alike; zero would stay zero. */
function spread(seed: number): number {
  let mixed = seed | 0
  for (let round = 0; round < 3; round++) mixed = Math.imul(mixed ^ (mixed >>> 15) ^ 0x5bd1e995, 0x2c1b3c6d)
  return mixed || 1
}
