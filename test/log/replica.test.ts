import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { Patch, StateBody } from '../../src/events.js'
import { ContainerWriter } from '../../src/log/container-writer.js'
import { DELTA_OPS, decodeDeltaBlock, decodeDeltaIndex } from '../../src/log/delta-block.js'
import { decodeKeyframe } from '../../src/log/keyframe.js'
import { PREFIX, toLastU64 } from '../../src/log/keys.js'
import { openMemoryStore } from '../../src/log/memory-store.js'
import { PathSet } from '../../src/log/path-set.js'
import { toEmptyState } from '../../src/log/resume.js'
import type { ThreadLog } from '../../src/log/thread-log.js'
import { LogWriter } from '../../src/log/writer.js'
import { BlockWriter, FrameCursor } from '../../src/spool/block.js'
import { BLOCK_HEADER_BYTES, toKindCode } from '../../src/spool/format.js'
import { createDecoder } from '../../src/values/decoder.js'
import { createEncoder } from '../../src/values/encoder.js'
import { makeRandom } from './spool-script.js'

const SUBJECT = 3

/** Kinds of operations that a program keeps to for a while: numbers alone; values that replace one another, also below
 *  and above; everything. */
const PHASES = [[0], [0, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]] as const

interface Model {
  readonly kept: string
  n: unknown
  name: unknown
  list: unknown[]
  byId: Record<string, unknown>
  deep: { a: Record<string, unknown> }
}

/** What may change is copied; a Buffer stays one. */
function clone<T>(value: T): T {
  if (Array.isArray(value)) return value.map(clone) as T
  if (value?.constructor !== Object) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, clone(part)])) as T
}

/** A program that changes its state by its own hands and says how. */
class Program {
  state: Model = { kept: 'kept', n: 0, name: '', list: [], byId: {}, deep: { a: { b: 0 } } }
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = makeRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #value(): unknown {
    const n = this.below(1000)
    const same = { n }
    const values = [n, -n, n / 3, `text ${n}`, 'x'.repeat(n), null, undefined, true, new Date(n), { n, more: [n] }]
    return [...values, Buffer.alloc(9, n), new Map([[n, same]]), [same, same], -0, BigInt(n), { [`key${n}`]: n }][
      this.below(16)
    ]
  }

  /** @param kinds of operations, see `#operate` */
  change(kinds: readonly number[]): Patch {
    const count = 1 + this.below(3)
    return Array.from({ length: count }, () => this.#operate(kinds[this.below(kinds.length)]!))
  }

  #operate(kind: number): Patch[number] {
    const { state } = this
    const value = kind === 0 ? this.below(1e6) : this.#value()
    const id = `id/${this.below(30)}`
    const path = `/byId/${id.replace('/', '~1')}`
    const at = this.below(state.list.length + 1)
    switch (kind) {
      case 1:
        state.list.splice(at, 0, value)
        return { op: 'add', path: `/list/${at}`, value }
      case 2:
        if (at === state.list.length) break
        state.list.splice(at, 1)
        return { op: 'remove', path: `/list/${at}` }
      case 3:
        if (at === state.list.length) break
        state.list.push(...state.list.splice(at, 1))
        return { op: 'move', path: `/list/${state.list.length - 1}`, from: `/list/${at}` }
      case 4: {
        const op = Object.hasOwn(state.byId, id) ? 'replace' : 'add'
        state.byId[id] = value
        return { op, path, value }
      }
      case 5:
        if (!Object.hasOwn(state.byId, id)) break
        delete state.byId[id]
        return { op: 'remove', path }
      case 6: {
        const a = { b: value }
        state.deep = { a }
        return { op: 'replace', path: '/deep', value: { a: { b: value } } }
      }
      case 7:
        state.deep.a.b = value
        return { op: 'replace', path: '/deep/a/b', value }
      case 8:
        if (this.below(20) > 0) break
        this.state = { ...state, list: [value] }
        return { op: 'replace', path: '', value: clone(this.state) }
      case 10:
        state.name = state.kept
        return { op: 'copy', path: '/name', from: '/kept' }
      case 9:
        return { op: 'test', path: '/name', value: state.name }
    }
    const key = this.below(2) === 0 ? 'n' : 'name'
    state[key] = value
    return { op: 'replace', path: `/${key}`, value }
  }
}

/** A container's writer, fed with spool bytes that are gone as soon as it took them. */
class Bench {
  readonly thread: ThreadLog
  readonly #encoder = createEncoder()
  readonly #put: { readonly key: Uint8Array; readonly value: Uint8Array }[] = []
  readonly writer = new ContainerWriter((key, value) => this.#put.push({ key, value: value.slice() }), [])
  seq = 0

  constructor() {
    this.thread = new LogWriter(openMemoryStore(), toEmptyState(0)).thread('0')
  }

  take(body: StateBody): void {
    const block = new BlockWriter()
    const payload = this.#encoder.encode(body)
    const dictionary = this.#encoder.takeDictionary()
    if (dictionary) this.thread.learn(new Uint8Array(dictionary))
    block.frame(toKindCode('state'), 0, SUBJECT, 0, -1, -1, payload)
    const bytes = block.seal(1).slice()
    const frame = new FrameCursor(bytes, BLOCK_HEADER_BYTES, bytes.length)
    frame.next()
    this.writer.take(this.thread, { frame, source: { buffer: bytes, bytes, anchorUs: 1 }, seq: this.seq++ })
    bytes.fill(0xa5)
  }

  get replica() {
    return this.thread.containers.get(SUBJECT)!
  }

  /** Latest values under a prefix, by seq. */
  values(prefix: number): Map<number, Uint8Array> {
    const found = this.#put.filter(({ key }) => key[0] === prefix)
    return new Map(found.map(({ key, value }) => [toLastU64(key), value]))
  }
}

for (const seed of [1, 2, 3, 4]) {
  t.test(
    `[L16] deltas that are read undecoded give the states, keyframes and blooms of those applied one by one (${seed})`,
    (t) => {
      const program = new Program(seed)
      const bench = new Bench()
      const states: unknown[] = []
      const patches: Patch[] = []
      bench.take({ op: 'init', state: program.state })
      states.push(clone(program.state))
      patches.push([])
      while (bench.seq < 3_000) {
        const patch = program.change(PHASES[Math.floor(bench.seq / 150) % PHASES.length]!)
        const trigger = { type: `step ${bench.seq}`, patch }
        bench.take(program.below(5) > 0 ? { op: 'delta', patch } : { op: 'delta', patch, trigger })
        states.push(clone(program.state))
        patches.push(patch)
        if (program.below(40) === 0) bench.writer.commit()
        if (program.below(60) > 0) continue
        if (!isDeepStrictEqual(bench.replica.state, program.state)) {
          t.same(bench.replica.state, program.state, `after ${bench.seq}`)
          return t.end()
        }
      }
      bench.writer.commit()
      let whole = 0
      for (const [seq, bytes] of bench.values(PREFIX.keyframe)) {
        const keyframe = decodeKeyframe(bytes, createDecoder)
        if (keyframe) whole++
        if (keyframe && !isDeepStrictEqual(keyframe.state, states[seq]))
          t.same(keyframe.state, states[seq], `keyframe ${seq}`)
      }
      t.ok(whole > 10, `${whole} keyframes`)
      const blocks = bench.values(PREFIX.delta)
      for (const [firstSeq, bytes] of bench.values(PREFIX.deltaIndex)) {
        const { entries } = decodeDeltaBlock(blocks.get(firstSeq)!, firstSeq)!
        const paths = new PathSet()
        for (const { seq, op } of entries) op === 'init' ? paths.addRoot() : paths.addPatch(patches[seq]!)
        t.same(Buffer.from(decodeDeltaIndex(bytes).bloom), Buffer.from(paths.toBloom()), `bloom ${firstSeq}`)
      }
      t.end()
    },
  )
}

t.test('[L16] a delta that does not apply is damaged, and so is all behind it, up to the next whole state', (t) => {
  const bench = new Bench()
  bench.take({ op: 'init', state: { n: 0, list: [] } })
  for (let n = 1; n <= 20; n++) bench.take({ op: 'delta', patch: [{ op: 'replace', path: '/n', value: n }] })
  t.same(bench.replica.state, { n: 20, list: [] })
  bench.take({ op: 'delta', patch: [{ op: 'replace', path: '/n', value: 21 }] })
  bench.take({ op: 'delta', patch: [{ op: 'replace', path: '/nothing', value: 1 }] })
  bench.take({ op: 'delta', patch: [{ op: 'replace', path: '/n', value: 23 }] })
  t.equal(bench.replica.known, false)
  bench.writer.commit()
  const [first] = bench.values(PREFIX.delta).values()
  const ops = decodeDeltaBlock(first!, 0)!.entries.map(({ op }) => DELTA_OPS[op])
  t.same(ops, [DELTA_OPS.init, ...Array(21).fill(DELTA_OPS.delta), DELTA_OPS.damaged, DELTA_OPS.delta])
  bench.take({ op: 'keyframe', state: { n: 24 } })
  bench.take({ op: 'delta', patch: [{ op: 'add', path: '/m', value: 1 }] })
  t.same(bench.replica.state, { n: 24, m: 1 })
  t.end()
})
