import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HTTP2_PROGRAMS } from './http2-programs.js'
import { checkLoads } from './loads.js'
import { TIMES } from './rig.js'

for (const [name, program] of Object.entries(HTTP2_PROGRAMS)) {
  t.test(`[B1] HTTP/2, ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, async (t) => {
    const FILE = join(t.testdirName, '..', `${program.file}.data`)
    await checkLoads(t, program, {
      env: { FILE },
      start: async () => {
        writeFileSync(FILE, Buffer.alloc(300_000, 'some bytes'))
        return { port: '', stop: async () => rmSync(FILE) }
      },
    })
  })
}
