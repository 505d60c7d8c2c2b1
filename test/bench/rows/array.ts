/** One insert into an array of 10,000 objects, against fast-json-patch. */
import fastJsonPatch from 'fast-json-patch'
import { diff } from '../../../src/json/diff.js'
import { createEncoder } from '../../../src/values/encoder.js'
import { median, printRow } from '../measure.js'

const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}`, done: id % 2 === 0 }))
const before = { rows }
const encoder = createEncoder()
const times: number[] = []
const sizes: number[] = []
for (let round = 0; round < 60; round++) {
  const after = { rows: rows.toSpliced((round * 167) % 10_000, 0, { id: 10_000 + round, name: 'new', done: false }) }
  const started = process.hrtime.bigint()
  const patch = diff(before, after)
  if (round >= 20) times.push(Number(process.hrtime.bigint() - started) / 1e6)
  sizes.push(encoder.encode(patch).length)
}
const started = process.hrtime.bigint()
const theirs = JSON.stringify(
  fastJsonPatch.compare(before, { rows: [{ id: -1, name: 'new', done: false }, ...rows] }),
).length
const theirMs = Number(process.hrtime.bigint() - started) / 1e6
const size = Math.max(...sizes)
const ms = median(times)
printRow({
  what: 'one insert into a 10,000-row array',
  figure: `${size} bytes, ${ms.toFixed(3)} ms`,
  bar: '≤100 bytes, ≤0.2 ms',
  against: `fast-json-patch, here: ${(theirs / 1e6).toFixed(1)} MB, ${theirMs.toFixed(0)} ms`,
  met: size <= 100 && ms <= 0.2,
})
