import t from 'tap'
import { Mirror } from '../../src/boundary/node/addon-mirror.js'
import { isProtecting } from '../../src/boundary/node/addon-values.js'

const BYTES = [1, 2, 3]

function mirrored(real: object, standIn: object): Mirror {
  const mirror = new Mirror('/of/some.node', (value) => [value, value])
  mirror.watch(real, standIn, 7)
  return mirror
}

t.test('[B1] a native addon: what it sets on its exports later is seen by the program', async (t) => {
  const real: Record<string, unknown> = { bytes: undefined, run() {} }
  const standIn: Record<string, unknown> = { ...real }
  const mirror = mirrored(real, standIn)
  mirror.note()
  real['bytes'] = BYTES
  real['added'] = 5
  t.same(mirror.look(), [
    [-8, 'bytes', BYTES],
    [-8, 'added', 5],
  ])
  t.equal(standIn['bytes'], BYTES)
  t.equal(standIn['added'], 5)
  real['added'] = 6
  t.same(mirror.bringSet(), [[-8, 'added', 6]])
  t.equal(standIn['added'], 6)
  t.same(mirror.look(), [])
  t.same(Object.keys(real), ['bytes', 'run', 'added'])
})

t.test(
  '[B1] a native addon: what the program sets on its exports is seen by native code, its own functions stay',
  async (t) => {
    const run = (): void => {}
    const real: Record<string, unknown> = { level: 1, run }
    const standIn: Record<string, unknown> = { level: 1, run: () => {} }
    mirrored(real, standIn)
    t.equal(real['run'], run)
    standIn['level'] = 2
    standIn['run'] = () => {}
    t.equal(real['level'], 2)
    t.equal(real['run'], run)
  },
)

t.test('[B1] a native addon: memory on its exports is held as native code leaves it', async (t) => {
  const memory = new Uint32Array(4)
  const mirror = mirrored({}, {})
  t.ok(mirror.share(memory, 9))
  memory[0] = 1
  mirror.note()
  t.same(mirror.look(), [], 'the program writes to it itself')
  mirror.note()
  memory[1] = 2
  t.same(mirror.look(), [[-10, new Uint8Array(memory.buffer)]])
  t.notOk(mirror.share(new Uint8Array(1_000_000), 10), 'it would cost too much')
})

t.test('[B9] what an addon may protect against reading is not looked at: its names say so', async (t) => {
  t.ok(isProtecting({ sodium_malloc() {}, sodium_mprotect_noaccess() {} }))
  t.notOk(isProtecting({ hash() {} }))
  t.notOk(isProtecting(undefined))
})
