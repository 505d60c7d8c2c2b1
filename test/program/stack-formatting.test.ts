import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CLI, run } from '../helpers/command.js'
import { recordInputs } from './rig.js'

t.setTimeout(120_000)

/** Formats its stacks as runners with source maps do: it reads files for that, and calls that fail are among them. */
const FORMATS = `
  const fs = require('node:fs')
  const vm = require('node:vm')
  Error.prepareStackTrace = (error, frames) => {
    const file = frames[0].getFileName()
    try { fs.readFileSync(file + '.map') } catch (error) { console.log(error.code) }
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
    fs.writeFileSync('seen', String(text.length > 100))
    return error.name + ' in ' + file + ', ' + frames.length + ' frames, ' + text.length + ' long'
  }
  setTimeout(() => {
    console.log(new RangeError('x').stack)
    console.log(vm.runInNewContext('new Error("y")').stack)
  }, 1)`

t.test('[B11] what is read while a stack is formatted needs no trust, and is told where it differs', async (t) => {
  const dir = t.testdir({ 'formats.cjs': FORMATS })
  const recorded = await recordInputs([process.execPath, 'formats.cjs'], { cwd: dir })
  t.match(recorded.stdout, /^ENOENT\nRangeError in \S+formats\.cjs, \d+ frames, \d\d\d long\n/)
  const replay = (...more: string[]) => run([process.execPath, CLI, 'replay', 'program.retro', ...more], { cwd: dir })
  const exact = await replay()
  t.match(exact, { code: 0, stderr: /is exact/, stdout: recorded.stdout })
  writeFileSync(join(dir, 'formats.cjs'), FORMATS.replace('> 100', '> 1e6'))
  const other = await replay('--sources', 'local')
  t.match(other, { code: 3, stderr: /diverged at turn @\d[\s\S]* {2}in {8}formats\.cjs:8 Error\.prepareStackTrace/ })
})
