import t from 'tap'
import { isSameValue } from '../../src/json/canonical.js'
import { diff } from '../../src/json/diff.js'
import { applyPatch } from '../../src/json/patch.js'

t.test('[J1] one insert into 10,000 rows is one operation of at most 100 bytes', async (t) => {
  const rows = Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${id}` }))
  const insert = diff({ rows }, { rows: [{ id: -1 }, ...rows] })
  t.equal(insert.length, 1)
  t.ok(JSON.stringify(insert).length <= 100)
  const moved = rows.slice()
  moved.splice(9_000, 0, ...moved.splice(10, 1))
  t.same(diff(rows, moved), [{ op: 'move', from: '/10', path: '/9000' }])
})

t.test('[J2] random arrays of shared rows: apply(before, diff) is after', async (t) => {
  let seed = 7
  const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n
  let failed = 0
  for (let round = 0; round < 3_000; round++) {
    const before: unknown[] = Array.from({ length: random(12) }, () => (random(3) ? { id: random(5) } : random(3)))
    const after = before.slice()
    for (let n = random(5); n > 0; n--) {
      const what = random(4)
      if (what === 0) after.splice(random(after.length + 1), 0, { id: random(9), fresh: true })
      else if (what === 1) after.splice(random(after.length + 1), random(3))
      else if (what === 2 && after.length > 0)
        after.splice(random(after.length), 0, ...after.splice(random(after.length), 1))
      else if (after.length > 0) after[random(after.length)] = { id: random(3) }
    }
    const patch = diff(before, after)
    const copy = structuredClone(before)
    const applied = applyPatch(before, patch)
    if (!isSameValue(applied, after) || !isSameValue(before, copy)) {
      failed++
      t.comment(JSON.stringify({ before, after, patch }))
    }
  }
  t.equal(failed, 0)
})
