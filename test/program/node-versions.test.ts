import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CLI, run } from '../helpers/command.js'
import { recordInputs, replayInputs } from './rig.js'

/** Stands for a Node of another version: it says so, and runs everything else with this one. */
function makeNode(dir: string, version: string): string {
  const path = join(dir, 'node')
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\nexec ${process.execPath} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

t.test('[B9] a recording replays only under its own version of Node, which --node names', async (t) => {
  const dir = t.testdir({ 'clock.cjs': 'console.log(Date.now())' })
  const recorded = await recordInputs([process.execPath, 'clock.cjs'], { cwd: dir })
  const replayWith = (node: string) =>
    run([process.execPath, CLI, 'replay', 'program.retro', '--node', node], { cwd: dir })

  const own = await replayInputs(dir, ['--node', makeNode(dir, process.version)])
  t.match(own.verdict, { kind: 'exact' })
  t.equal(own.stdout, recorded.stdout)

  const other = await replayWith(makeNode(dir, 'v18.0.1'))
  t.equal(other.code, 1)
  t.equal(other.stdout, '')
  t.match(other.stderr, `It was recorded under Node ${process.version}; ${join(dir, 'node')} is v18.0.1.`)
  t.match(other.stderr, '--node PATH')
  t.match(other.stderr, `npx -y -p node@${process.version.slice(1)} which node`)

  const missing = await replayWith('./nowhere')
  t.equal(missing.code, 1)
  t.match(missing.stderr, `There is no ${join(dir, 'nowhere')}.`)
  const text = await replayWith('clock.cjs')
  t.equal(text.code, 1)
  t.match(text.stderr, `${join(dir, 'clock.cjs')} cannot be executed.`)
  mkdirSync(join(dir, 'bin'))
  t.match((await replayWith('bin')).stderr, /bin cannot be executed\.[\s\S]*not of a directory/)
  const stranger = await replayWith('/bin/echo')
  t.equal(stranger.code, 1)
  t.match(stranger.stderr, '/bin/echo does not say which Node it is')
})
