import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Event, EventBodies, EventKind, Patch, ThreadRecord } from '../../src/events.js'
import { diff } from '../../src/json/diff.js'
import { createFormat } from '../../src/log/format-file.js'
import type { LogReader, SubjectRef } from '../../src/log/reader.js'
import { BlockWriter } from '../../src/spool/block.js'
import { DICTIONARY_FRAME, FRAME_FLAGS, SPOOL_MAGIC, toKindCode } from '../../src/spool/format.js'
import { createEncoder } from '../../src/values/encoder.js'

export const STARTED_AT_US = 1_790_000_000_000_000

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** One thread's spool, written with the recorder's own encoder and block writer. */
export class ThreadScript {
  readonly path: string
  readonly #encoder = createEncoder()
  readonly #block = new BlockWriter()
  readonly blocks: Uint8Array[] = []
  #anchorUs = -1
  #subjects = 1
  ordinal = 0

  constructor(path: string, timeUs: number, options: Partial<Pick<ThreadRecord, 'pid' | 'type' | 'preload'>> = {}) {
    this.path = path
    const thread = {
      path: path as never,
      type: 'main' as const,
      pid: process.pid,
      threadId: 0,
      node: process.version,
      platform: 'linux',
      argv: [],
      cwd: '/',
      ...options,
    }
    const body = { op: 'spawn', name: `thread ${path}`, type: 'thread', incarnation: 0, thread } as const
    this.event('process', 0, timeUs, body, { turn: true })
  }

  open(timeUs: number, body: Omit<Extract<EventBodies['process'], { op: 'spawn' }>, 'op' | 'incarnation'>): number {
    const subject = this.#subjects++
    this.event('process', subject, timeUs, { op: 'spawn', incarnation: 0, ...body })
    return subject
  }

  /** @returns its ordinal */
  event<K extends EventKind>(
    kind: K,
    subject: number,
    timeUs: number,
    body: EventBodies[K],
    options: { readonly turn?: boolean; readonly cause?: number; readonly origin?: number } = {},
  ): number {
    const payload = new Uint8Array(this.#encoder.encode(body))
    const dictionary = this.#encoder.takeDictionary()
    if (this.#anchorUs < 0) this.#anchorUs = timeUs
    if (dictionary) this.#block.frame(DICTIONARY_FRAME, 0, 0, 0, -1, -1, dictionary)
    const flags = options.turn ? FRAME_FLAGS.turn : 0
    const { cause = -1, origin = -1 } = options
    this.#block.frame(toKindCode(kind), flags, subject, timeUs - this.#anchorUs, cause, origin, payload)
    return this.ordinal++
  }

  flush(): void {
    if (this.#block.bytes === 0) return
    this.blocks.push(this.#block.seal(this.#anchorUs).slice())
    this.#anchorUs = -1
  }

  toBytes(): Buffer {
    this.flush()
    return Buffer.concat([Buffer.from(SPOOL_MAGIC), ...this.blocks])
  }
}

export interface StatesAt {
  readonly states: ReadonlyMap<string, unknown>
  readonly changed: string | undefined
}

export async function listEvents(reader: LogReader, query: Parameters<LogReader['events']>[0] = {}): Promise<Event[]> {
  const events: Event[] = []
  for await (const event of reader.events(query)) events.push(event)
  return events
}

/** Makes the directory of a recording. */
export function makeRecording(dir: string): void {
  createFormat(dir, { format: 1, startedAtUs: STARTED_AT_US, command: null, node: process.version, platform: 'linux' })
}

function toAnchor(block: Uint8Array): number {
  return Number(Buffer.from(block).readBigUInt64LE(8))
}

type Json = null | number | string | boolean | Json[] | { [key: string]: Json }

/** A random run of several threads with containers and messages, and the states that it really went through. */
export class SpoolScript {
  readonly random: () => number
  readonly threads: ThreadScript[]
  /** State after an event, by thread and ordinal. */
  readonly #states = new Map<string, { readonly name: string; readonly state: unknown }>()
  readonly live: { thread: ThreadScript; subject: number; name: string; state: Json }[] = []
  #timeUs = STARTED_AT_US

  constructor(seed: number, options: { readonly threads?: number; readonly containers?: number } = {}) {
    this.random = makeRandom(seed)
    this.threads = Array.from({ length: options.threads ?? 2 }, (_, n) => new ThreadScript(String(n), this.tick()))
    for (let n = 0; n < (options.containers ?? 5); n++) {
      const thread = this.threads[n % this.threads.length]!
      const name = `box${n}`
      const subject = thread.open(this.tick(), { name, type: 'store', adapter: 'store' })
      const live = { thread, subject, name, state: this.#makeState(n) }
      this.live.push(live)
      this.#note(live, thread.event('state', subject, this.tick(), { op: 'init', state: live.state }))
    }
  }

  get count(): number {
    return this.threads.reduce((sum, thread) => sum + thread.ordinal, 0)
  }

  tick(): number {
    this.#timeUs += 1 + Math.floor(this.random() * 50)
    return this.#timeUs
  }

  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)]!
  }

  run(events: number): void {
    for (let n = 0; n < events; n++) {
      const live = this.pick(this.live)
      const kind = this.random()
      if (kind < 0.7) this.#change(live)
      else if (kind < 0.9)
        live.thread.event(
          'mark',
          0,
          this.tick(),
          { text: `mark ${n}`, data: 'z'.repeat(300) },
          { turn: this.random() < 0.3 },
        )
      else live.thread.event('call', 0, this.tick(), { op: 'enter', name: 'f', args: [n] }, { turn: true })
      if (this.random() < 0.05) for (const thread of this.threads) if (this.random() < 0.5) thread.flush()
    }
  }

  writeTo(recording: string): void {
    mkdirSync(join(recording, 'spool'), { recursive: true })
    for (const thread of this.threads) writeFileSync(join(recording, 'spool', thread.path), thread.toBytes())
  }

  refOf(name: string, reader: LogReader): SubjectRef {
    return reader.processes().find((process) => process.name === name)!
  }

  /** The program's own states after each event of a log, and the container that the event changed. */
  statesBySeq(reader: LogReader, events: readonly Event[]): StatesAt[] {
    let states: ReadonlyMap<string, unknown> = new Map()
    return events.map((event) => {
      const thread = reader.threads()[event.thread]!
      const change = this.#states.get(`${thread.path}:${event.ordinal}`)
      if (change) states = new Map(states).set(change.name, change.state)
      return { states, changed: change?.name }
    })
  }

  /** The blocks of all threads in the order in which they were sealed, after each thread's magic. */
  *blocksInTime(): Generator<readonly [path: string, bytes: Uint8Array]> {
    for (const thread of this.threads) {
      thread.flush()
      yield [thread.path, Buffer.from(SPOOL_MAGIC)]
    }
    const blocks = this.threads.flatMap(({ path, blocks }) => blocks.map((bytes) => [path, bytes] as const))
    yield* blocks.sort((a, b) => toAnchor(a[1]) - toAnchor(b[1]))
  }

  /** A place in a state; sometimes one that is not there. */
  pickPointer(state: Json | undefined): string {
    let pointer = ''
    for (let at = state; typeof at === 'object' && at !== null && this.random() < 0.85; ) {
      const keys = Object.keys(at)
      if (keys.length === 0 || this.random() < 0.05) return `${pointer}/${Array.isArray(at) ? 7 : 'nowhere'}`
      const key = this.pick(keys)
      pointer += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      at = (at as Record<string, Json>)[key]
    }
    return pointer
  }

  #note(live: { thread: ThreadScript; name: string; state: Json }, ordinal: number): void {
    this.#states.set(`${live.thread.path}:${ordinal}`, { name: live.name, state: structuredClone(live.state) })
  }

  #change(live: SpoolScript['live'][number]): void {
    const before = live.state
    live.state = this.#mutate(structuredClone(before))
    const whole = this.random() < 0.01
    const body: EventBodies['state'] = whole
      ? { op: 'keyframe', state: live.state }
      : { op: 'delta', patch: diff(before, live.state) as Patch }
    this.#note(live, live.thread.event('state', live.subject, this.tick(), body))
  }

  #makeState(n: number): Json {
    if (n === 0) return { count: 0, items: [] }
    if (n === 1) return []
    if (n === 2)
      return Object.fromEntries(Array.from({ length: 200 }, (_, k) => [`row${k}`, { id: k, text: 'x'.repeat(40) }]))
    return { '': { '/': [1, 2], '~': 'tilde' }, list: [{ id: 1 }, { id: 2 }], constructor: 'own' }
  }

  #mutate(state: Json): Json {
    if (Array.isArray(state)) {
      if (this.random() < 0.3 && state.length) state.splice(Math.floor(this.random() * state.length), 1)
      else
        state.splice(Math.floor(this.random() * (state.length + 1)), 0, {
          id: this.random(),
          text: 'y'.repeat(this.random() * 900),
        })
      if (state.length > 40) state.length = 10
      return state
    }
    if (typeof state !== 'object' || state === null) return Math.floor(this.random() * 1e6)
    const keys = Object.keys(state)
    const roll = this.random()
    if (roll < 0.2)
      state[`k${Math.floor(this.random() * 30)}`] = this.random() < 0.5 ? { deep: [1, 2, 3] } : 'text'.repeat(150)
    else if (roll < 0.3 && keys.length > 3) delete state[this.pick(keys)]
    else {
      const key = this.pick(keys)
      const value = state[key]!
      state[key] = typeof value === 'object' && value !== null ? this.#mutate(value) : Math.floor(this.random() * 1e6)
    }
    return state
  }
}
