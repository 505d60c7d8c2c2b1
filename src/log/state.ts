import type { StateBody } from '../events.js'
import { Replica } from '../json/patch.js'
import type { ValueDecoder } from '../values/codec.js'
import { createDecoder } from '../values/decoder.js'
import { type DeltaBlock, type DeltaRecord, decodeDeltaBlock } from './delta-block.js'
import type { KeyValue } from './key-value.js'
import { decodeKeyframe } from './keyframe.js'
import { type ContainerNumbers, PREFIX, toContainerKey, toLastU64, toMetaKey } from './keys.js'
import { type ContainerRow, decodeRow, TABLE } from './tables.js'

/** A container's state and what it took to build, or why there is none. */
export type LoadedState =
  | {
      readonly ok: true
      readonly state: unknown
      /** Its last entry. */
      readonly lastSeq: number
      readonly deltas: number
      readonly deltaBytes: number
      readonly keyframeBytes: number
    }
  | {
      readonly ok: false
      readonly error: 'not_found' | 'damaged' | 'incomplete'
      readonly detail: string
      readonly lastSeq: number
    }

/** Builds the state after event `seq` from the nearest whole state before it: one reverse seek and a bounded scan. Every
 *  block names the entry before it, so a key that damage hid is missed, never skipped. */
export async function loadState(
  store: KeyValue,
  container: ContainerNumbers,
  seq: number,
  decoder: ValueDecoder,
): Promise<LoadedState> {
  const base = await findBase(store, container, seq)
  const build = new StateBuild(decoder, base)
  const range = {
    gte: toContainerKey(PREFIX.delta, container, base.scanFrom),
    lte: toContainerKey(PREFIX.delta, container, seq),
  }
  for await (const { key, value } of store.range(range)) {
    const firstSeq = toLastU64(key)
    const block = value && decodeDeltaBlock(value, firstSeq)
    if (!block) return build.fail('damaged', `the deltas from seq ${firstSeq} on fail their checksum`)
    if (!build.take(block, firstSeq, seq)) return build.answer()
  }
  if (build.whole && !(await isNextInChain(store, container, seq, build.lastSeq))) {
    return build.fail('damaged', `deltas between seq ${build.lastSeq} and ${seq} are missing`)
  }
  return build.answer()
}

interface Base {
  readonly state?: { readonly value: unknown; readonly bytes: number }
  /** Seq of the whole state; −1: there is none. */
  readonly seq: number
  readonly scanFrom: number
}

async function findBase(store: KeyValue, container: ContainerNumbers, seq: number): Promise<Base> {
  const range = {
    gte: toContainerKey(PREFIX.keyframe, container, 0),
    lte: toContainerKey(PREFIX.keyframe, container, seq),
    reverse: true,
    limit: 1,
  }
  for (let below: Uint8Array | undefined; ; ) {
    let found: { readonly key: Uint8Array; readonly value: Uint8Array | null } | undefined
    for await (const entry of store.range(below ? { ...range, lte: undefined as never, lt: below } : range))
      found = entry
    if (!found) return { seq: -1, scanFrom: 0 }
    const at = toLastU64(found.key)
    const base = found.value && toBase(found.value, at)
    if (base) return base
    // A damaged keyframe costs time, not the answer: an earlier one carries the same deltas.
    below = found.key
  }
}

function toBase(bytes: Uint8Array, seq: number): Base | null {
  try {
    const whole = decodeKeyframe(bytes, createDecoder)
    if (!whole) return { seq, scanFrom: seq }
    return { state: { value: whole.state, bytes: bytes.length }, seq, scanFrom: seq + 1 }
  } catch {
    return null
  }
}

class StateBuild {
  readonly #decoder: ValueDecoder
  #document: Replica | undefined
  #error: 'not_found' | 'damaged' | 'incomplete' = 'not_found'
  #detail = 'it has no state yet'
  #first = true
  readonly #baseSeq: number
  lastSeq: number
  /** Every entry of the last block was wanted: what follows has to be looked at. */
  whole = true
  #deltas = 0
  #deltaBytes = 0
  #keyframeBytes = 0

  constructor(decoder: ValueDecoder, base: Base) {
    this.#decoder = decoder
    this.#baseSeq = base.seq
    this.lastSeq = base.state ? base.seq : -1
    if (!base.state) return
    this.#document = new Replica(base.state.value)
    this.#keyframeBytes = base.state.bytes
  }

  /** @returns false when the rest cannot be built upon */
  take(block: DeltaBlock, firstSeq: number, seq: number): boolean {
    if (this.#isBroken(block, firstSeq)) {
      this.fail('damaged', `deltas before seq ${firstSeq} are missing`)
      return false
    }
    this.#first = false
    for (const entry of block.entries) {
      if (entry.seq > seq) {
        this.whole = false
        return true
      }
      this.lastSeq = entry.seq
      this.#apply(block.bytes, entry)
    }
    return true
  }

  fail(error: 'damaged' | 'incomplete', detail: string): LoadedState {
    this.#document = undefined
    this.#error = error
    this.#detail = detail
    this.whole = false
    return this.answer()
  }

  answer(): LoadedState {
    const { lastSeq } = this
    if (!this.#document) return { ok: false, error: this.#error, detail: this.#detail, lastSeq }
    return {
      ok: true,
      state: this.#document.snapshot(),
      lastSeq,
      deltas: this.#deltas,
      deltaBytes: this.#deltaBytes,
      keyframeBytes: this.#keyframeBytes,
    }
  }

  #isBroken(block: DeltaBlock, firstSeq: number): boolean {
    if (!this.#first) return block.previousSeq !== this.lastSeq
    if (this.#document) return block.previousSeq > this.#baseSeq
    // A reference names the block that begins with the whole state.
    return this.#baseSeq >= 0 && firstSeq !== this.#baseSeq
  }

  #apply(bytes: Uint8Array, { op, seq, start, end }: DeltaRecord): void {
    if (op === 'final') return
    if (op === 'damaged' || op === 'incomplete') {
      this.fail(op, `what happened at seq ${seq} is not known`)
      this.whole = true
      return
    }
    if (op === 'delta' && !this.#document) return
    try {
      const body = this.#decoder.decode(bytes, start, end) as StateBody
      if (body.op === 'delta') {
        this.#document!.apply(body.patch)
        this.#deltas++
        this.#deltaBytes += end - start
      } else if (body.op !== 'final') {
        this.#document = new Replica(body.state)
        this.#deltas = 0
        this.#deltaBytes = 0
        this.#keyframeBytes = end - start
      }
    } catch {
      this.fail('damaged', `the change at seq ${seq} cannot be read`)
      this.whole = true
    }
  }
}

async function isNextInChain(
  store: KeyValue,
  container: ContainerNumbers,
  seq: number,
  lastSeq: number,
): Promise<boolean> {
  const range = {
    gt: toContainerKey(PREFIX.delta, container, seq),
    lte: toContainerKey(PREFIX.delta, container, Number.MAX_SAFE_INTEGER),
    limit: 1,
  }
  for await (const { key, value } of store.range(range)) {
    const block = value && decodeDeltaBlock(value, toLastU64(key))
    // A damaged successor cannot testify; nothing says that anything is missing.
    return !block || block.previousSeq <= lastSeq
  }
  const row = decodeRow<ContainerRow>(await store.get(toMetaKey(TABLE.container, container.thread, container.subject)))
  return row === null || row.lastSeq <= lastSeq
}
