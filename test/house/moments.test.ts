import t from 'tap'
import { toMoment } from '../../src/moments.js'

t.test('every form of a moment parses', async (t) => {
  t.same(toMoment('812'), { kind: 'seq', seq: 812 })
  t.same(toMoment('#812'), { kind: 'seq', seq: 812 })
  t.same(toMoment('812.3'), { kind: 'derived', seq: 812, derived: 3 })
  t.same(toMoment('@55.2'), { kind: 'turn', turn: 55, step: 2 })
  t.same(toMoment('@55'), { kind: 'turn', turn: 55, step: 0 })
  t.same(toMoment('+3.204s'), { kind: 'time', us: 3_204_000, fromEnd: false })
  t.same(toMoment('250ms'), { kind: 'time', us: 250_000, fromEnd: false })
  t.same(toMoment('-2s'), { kind: 'time', us: 2_000_000, fromEnd: true })
  t.same(toMoment('2026-11-01T10:00:00Z'), { kind: 'date', epochUs: Date.UTC(2026, 10, 1, 10) * 1000 })
  t.same(toMoment('crash'), { kind: 'crash' })
})

t.test('what names no moment is an error that says what does', async (t) => {
  for (const text of ['', 'soon', '-', '@', '12q', '1.5x']) {
    t.throws(() => toMoment(text), { code: 'UNKNOWN_MOMENT', hint: /start, end or crash/ })
  }
})
