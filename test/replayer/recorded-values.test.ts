import t from 'tap'
import { RecordedValues } from '../../replayer/replay/recorded-values.js'

t.test('a withheld secret equals any text in its place, and nothing around it', async (t) => {
  const values = new RecordedValues()
  const token = '[redacted 0123456789ab]'
  t.ok(values.same(token, 42), 'a whole value may have been of any type')
  t.ok(values.same(`Bearer ${token}!`, 'Bearer abc!'))
  t.ok(values.same({ a: `x ${token} y ${token}` }, { a: 'x 1 y 2' }))
  t.notOk(values.same(`Bearer ${token}!`, 'Basic abc!'), 'text before')
  t.notOk(values.same(`Bearer ${token}!`, 'Bearer abc?'), 'text behind')
  t.notOk(values.same(`x ${token} y ${token}`, 'x 1 z 2'), 'text between')
  t.notOk(values.same({ a: `x ${token}` }, { a: 7 }))
})
