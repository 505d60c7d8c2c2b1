import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

/** Programs that see what the engine makes of their code. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'compiled code': `
      const vm = require('node:vm')
      const crypto = require('node:crypto')
      const source = 'function sum(a, b) { return a + b }\\nsum(1, 2)'
      const digest = (bytes) => crypto.createHash('sha1').update(bytes).digest('hex')
      const first = new vm.Script(source, { produceCachedData: true })
      console.log(first.cachedDataProduced, digest(first.cachedData), first.runInThisContext())
      const late = first.createCachedData()
      console.log(digest(late))
      for (const cachedData of [late, Buffer.from('nothing like it')]) {
        const again = new vm.Script(source, { cachedData })
        console.log(again.cachedDataRejected, Object.keys(again), again.runInNewContext(), again instanceof vm.Script)
      }
      const compiled = vm.compileFunction('return a + 1', ['a'], { produceCachedData: true })
      console.log(compiled(1), digest(compiled.cachedData))
      console.log(vm.compileFunction('return a + 1', ['a'], { cachedData: compiled.cachedData }).cachedDataRejected)
      try { new vm.Script('(', { produceCachedData: true }) } catch (error) { console.log(error.stack) }
      class Own extends vm.Script {}
      console.log(new Own('7', { produceCachedData: true }).runInThisContext(), new vm.Script('8').runInThisContext())`,
  'stacks that the program formats itself': `
      const fs = require('node:fs')
      const failed = []
      function deep(n) {
        if (n > 0) return deep(n - 1)
        try { fs.readFileSync('missing') } catch (error) { failed.push(error) }
      }
      deep(20)
      deep(0)
      Error.prepareStackTrace = (error, frames) => {
        fs.existsSync('somewhere')
        return [error.message, ...frames.map((frame) => frame.getFunctionName() + ':' + frame.getLineNumber())].join(' ')
      }
      deep(20)
      deep(2)
      fs.readFile('missing', (error) => console.log(error.stack))
      new Promise((done) => fs.stat('missing', done)).then((error) => console.log(error.stack, error.code))
      for (const { stack, code, path } of failed) console.log(code, path, stack)`,
}

for (const [name, text] of Object.entries(PROGRAMS)) {
  t.test(`[B1] ${name}: recorded once, run again exactly, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ 'program.cjs': text })
    const recorded = await recordInputs([process.execPath, 'program.cjs'], { cwd: dir })
    t.equal(recorded.code, 0, recorded.stderr)
    for (let n = 0; n < TIMES; n++) {
      const { verdict, stdout, stderr } = await replayInputs(dir)
      t.match(verdict, { kind: 'exact', code: 0 })
      t.equal(stdout, recorded.stdout)
      t.equal(stderr, recorded.stderr)
    }
  })
}
