import t, { type Test } from 'tap'
import { DATABASE_PROGRAMS } from './database-programs.js'
import { PASSWORD, START } from './database-servers.js'
import { checkLoads } from './loads.js'
import { NETWORK_PROGRAMS } from './network-programs.js'
import { TIMES } from './rig.js'

for (const [name, program] of Object.entries(NETWORK_PROGRAMS)) {
  t.test(`[B1] ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, (t) =>
    checkLoads(t, program, {}),
  )
}

for (const [name, program] of Object.entries(DATABASE_PROGRAMS)) {
  t.test(`[B1] a ${name} client of a real server, which is gone when it is run again`, async (t) => {
    const start = START[program.server]
    if (!(await checkLoads(t, program, { env: { PASSWORD }, start }))) missing(t, program.server)
  })
}

function missing(t: Test, server: string): void {
  if (process.env['CI'] === 'true') t.fail(`${server} is missing: npm run verify installs it`)
  else t.comment(`SKIPPED: ${server} is missing, so its clients are not tried`)
}
