/** Runs each group of rows in a process of its own, one after the other, and prints one table: what was measured, the
 *  bar, and whether it is met. `--large` adds the rows of 10 M events; names pick groups. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Row } from './measure.js'

const GROUPS = ['array', 'event', 'startup', 'route', 'ingest', 'seek', 'memory']

const words = process.argv.slice(2)
const large = words.includes('--large')
const named = words.filter((word) => !word.startsWith('-'))
const unknown = named.find((name) => !GROUPS.includes(name))
if (unknown !== undefined) {
  console.error(`bench: no group ${unknown}; there are ${GROUPS.join(', ')}`)
  process.exit(2)
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`)
const rows: Row[] = []
let broken = 0
for (const group of GROUPS) {
  if (named.length > 0 && !named.includes(group)) continue
  const file = fileURLToPath(new URL(`./rows/${group}.js`, import.meta.url))
  if (existsSync(file)) await run(group, file)
}
print(rows)
const missed = rows.filter(({ met }) => met === false).length
console.log(
  `\n${rows.filter(({ met }) => met).length} bars met, ${missed} missed${broken ? `, ${broken} groups broken` : ''}`,
)
process.exitCode = broken > 0 ? 1 : 0

async function run(group: string, file: string): Promise<void> {
  if (process.stderr.isTTY) process.stderr.write(`\x1b[2K\rmeasuring ${group} …`)
  const args = ['--expose-gc', file, ...(large ? ['--large'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{')) rows.push(JSON.parse(line) as Row)
    else console.log(line)
  }
  const code = await ended
  if (process.stderr.isTTY) process.stderr.write('\x1b[2K\r')
  if (code === 0) return
  broken++
  console.error(`bench: ${group} ended with ${code}`)
}

function print(rows: readonly Row[]): void {
  const lines = [
    ['what', 'measured', 'bar', 'met', 'against'],
    ['---', '---', '---', '---', '---'],
    ...rows.map(({ what, figure, bar, met, against }) => [
      what,
      figure,
      bar,
      met === undefined ? '–' : met ? 'yes' : 'NO',
      against,
    ]),
  ]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  for (const line of lines) console.log(`| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`)
}
