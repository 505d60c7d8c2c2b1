import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openRecording } from '../../replayer/open.js'
import type { Recording } from '../../replayer/recording.js'
import { verifyRecording } from '../../src/log/verify.js'
import { CLI, run, runRecord } from '../helpers/command.js'
import { PACKAGE_PATH } from '../helpers/program.js'

t.setTimeout(240_000)

const MARKS = 3_000

/** Marks far more than its disk holds, and ends as it would have without us. */
const PROGRAM = `
  import { setup } from ${JSON.stringify(PACKAGE_PATH)}
  import { randomBytes } from 'node:crypto'
  const scope = await setup({ out: process.argv[2] })
  for (let number = 0; number < ${MARKS}; number++) {
    scope.mark('m', { number, noise: randomBytes(400).toString('hex') })
    if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  console.log('done')
  if (process.argv[3]) process.kill(process.pid, process.argv[3])
  process.exitCode = 7`

/** 512 KB, which is a fifth of what the program says. */
const LIMIT = 'ulimit -f 1024'

/** Runs a test on a disk of one megabyte. */
async function onSmallDisk(t: Test, body: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), 'retroscope-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], { encoding: 'utf8' })
  try {
    if (mounted.status === 0) await body(disk)
    else if (process.env['CI'] === 'true') t.fail(`no small disk can be mounted: ${mounted.stderr}`)
    else t.comment('SKIPPED: only root can mount a small disk')
  } finally {
    if (mounted.status === 0) spawnSync('umount', ['-l', disk])
    rmdirSync(disk)
  }
}

/** Every mark is in the recording, or counted by a gap in its place. */
async function check(t: Test, path: string, detail = 'ENOSPC'): Promise<void> {
  const recording = await openRecording(path)
  const { end, gaps } = await recording.info()
  t.match(end, { kind: 'exit' }, 'how it ended is said')
  t.match(gaps.at(-1), { reason: 'disk-full', detail })
  const { number, missing } = await count(t, recording)
  t.equal(number + missing, MARKS)
  t.ok(number > 200 && missing > 200, `${number} are there, ${missing} are missing`)
  t.match(await recording.event('end'), { kind: 'process' })
  await recording.close()
  t.same((await verifyRecording(path)).damage, [])
}

async function count(t: Test, recording: Recording): Promise<{ readonly number: number; readonly missing: number }> {
  let number = 0
  let missing = 0
  for await (const event of recording.events()) {
    if (event.kind === 'mark') {
      if ((event.body.data as { number: number }).number !== number + missing) t.fail(`mark ${number} is missing`)
      number++
    } else if (event.kind === 'gap') missing += event.body.count ?? 0
  }
  return { number, missing }
}

t.test(
  '[D22] a disk that stays full under `record`: the program is unharmed, and a gap says what is missing',
  async (t) => {
    const dir = t.testdir({ 'program.mjs': PROGRAM })
    await onSmallDisk(t, async (disk) => {
      const path = join(disk, 'a.retro')
      // With no room elsewhere either: its events cannot even be counted.
      const options = { cwd: dir, env: { TMPDIR: disk } }
      const ran = await runRecord(['--no-inputs', '-o', path], [process.execPath, 'program.mjs'], options)
      t.match(ran, { code: 7, stdout: 'done\n' })
      t.match(ran.own.at(-1), /recorded .*a\.retro|no room for a copy/)
      await check(t, path)
      spawnSync('sh', ['-c', 'cat /dev/zero > rest'], { cwd: disk, stdio: 'ignore' })
      const asked = await run([process.execPath, CLI, 'info', path], options)
      t.match(asked, { code: 1, stderr: /no room for a copy[\s\S]*TMPDIR/ })
    })
  },
)

t.test('[D22] a disk that stays full while inputs are recorded: the same, and nothing is pretended', async (t) => {
  const dir = t.testdir({ 'program.mjs': PROGRAM })
  await onSmallDisk(t, async (disk) => {
    const path = join(disk, 'a.retro')
    const options = { cwd: dir, env: { TMPDIR: disk } }
    const ran = await runRecord(['-o', path], [process.execPath, 'program.mjs'], options)
    t.match(ran, { code: 7, stdout: 'done\n' })
    const recording = await openRecording(path)
    const { end, gaps, fidelity } = await recording.info()
    t.match(end, { kind: 'exit' })
    t.match(gaps.at(-1), { reason: 'disk-full', detail: 'ENOSPC' })
    t.equal(fidelity, 'observed')
    await recording.close()
    // Where there is room for the replay's own files.
    const replayed = await run([process.execPath, CLI, 'replay', path], { cwd: dir })
    t.notMatch(replayed, { code: 0 })
    t.match(`${replayed.stdout}${replayed.stderr}`, /misses events at \d+: disk-full/)
  })
})

t.test('[D22] a disk that stays full under the library alone', async (t) => {
  const dir = t.testdir({ 'program.mjs': PROGRAM })
  await onSmallDisk(t, async (disk) => {
    const path = join(disk, 'a.retro')
    const ran = await run([process.execPath, 'program.mjs', path], { cwd: dir })
    t.match(ran, { code: 7, stdout: 'done\n', stderr: /^retroscope: .*ENOSPC.*what is missing becomes a gap\n$/ })
    await check(t, path)
  })
})

t.test(
  '[D23] a file-size limit that is never lifted leaves a gap, under the library alone and under `record`',
  async (t) => {
    const dir = t.testdir({ 'program.mjs': PROGRAM })
    const command = `${LIMIT}; exec "$0" program.mjs "$@"`
    const alone = await run(['sh', '-c', command, process.execPath, 'alone.retro'], { cwd: dir })
    t.match(alone, { code: 7, stdout: 'done\n', stderr: /^retroscope: .*EFBIG.*what is missing becomes a gap\n$/ })
    await check(t, join(dir, 'alone.retro'), 'EFBIG')
    const recorded = await runRecord(['--no-inputs', '-o', 'recorded.retro'], ['sh', '-c', command, process.execPath], {
      cwd: dir,
    })
    t.match(recorded, { code: 7, stdout: 'done\n' })
    await check(t, join(dir, 'recorded.retro'), 'EFBIG')
  },
)

t.test('[D23] a program that is killed then: what it had said to be missing is', async (t) => {
  const dir = t.testdir({ 'program.mjs': PROGRAM })
  const command = `${LIMIT}; exec "$0" program.mjs "$@"`
  const ran = await run(['sh', '-c', command, process.execPath, 'killed.retro', 'SIGKILL'], { cwd: dir })
  t.match(ran, { signal: 'SIGKILL', stdout: 'done\n' })
  const recording = await openRecording(join(dir, 'killed.retro'))
  const { number, missing } = await count(t, recording)
  t.ok(number > 200 && missing > 0 && number + missing <= MARKS, `${number} are there, ${missing} are missing`)
  t.match((await recording.info()).gaps, [{ reason: 'disk-full', detail: 'EFBIG' }])
  await recording.close()
})
