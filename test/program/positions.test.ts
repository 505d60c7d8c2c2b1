import fc from 'fast-check'
import t from 'tap'
import { Positions } from '../../replayer/derived/positions.js'
import type { Rows } from '../../replayer/derived/rows.js'

const NOTHING = new Uint32Array()

function toRows(seqs: readonly number[]): Rows {
  const sorted = Uint32Array.from(seqs).sort()
  return { count: sorted.length, seqs: sorted, turns: NOTHING, subjects: NOTHING, kinds: NOTHING }
}

t.test(
  '[V2] recorded and derived events are numbered through, each behind the event that it comes after',
  async (t) => {
    const seqs = fc.array(fc.nat(12), { maxLength: 12 })
    fc.assert(
      fc.property(seqs, seqs, (one, other) => {
        const parts = [toRows(one), toRows(other)]
        const positions = new Positions(parts)
        // The list that this stands for, spelled out.
        const all: { seq: number; part: number; number: number; derived: number }[] = []
        for (let seq = 0; seq <= 13; seq++) {
          all.push({ seq, part: -1, number: -1, derived: 0 })
          let derived = 0
          for (const [part, rows] of parts.entries()) {
            for (const [number, after] of rows.seqs.entries()) {
              if (after === seq) all.push({ seq, part, number, derived: ++derived })
            }
          }
        }
        for (const [place, { seq, part, number, derived }] of all.entries()) {
          if (part < 0) {
            t.equal(positions.ofSeq(seq), place)
            t.same(positions.name(place), { seq })
            t.equal(positions.find({ seq: seq as never }), place)
          } else {
            t.equal(positions.ofDerived(part, number), place)
            t.same(positions.name(place), { seq, derived })
            t.equal(positions.find({ seq: seq as never, derived }), place)
          }
          const before = all.slice(0, place)
          t.equal(positions.lastSeq(place), all.slice(0, place + 1).findLast((one) => one.part < 0)!.seq)
          t.equal(positions.firstSeq(place), all.slice(place).find((one) => one.part < 0)?.seq ?? 14)
          for (const at of [0, 1]) t.equal(positions.countOf(at, place), before.filter((one) => one.part === at).length)
        }
        return t.passing()
      }),
      { numRuns: 200, seed: 11 },
    )
  },
)
