/** A program of three threads and a library, each of which says what it does step by step. It is recorded once. */
export const BASE: Readonly<Record<string, string>> = {
  'program.cjs': `
const { fork } = require('node:child_process')
const fs = require('node:fs')
const { Worker } = require('node:worker_threads')
const { tally } = require('tally')

let total = 0
function price(n) {
  return n * 2
}
function save(n) {
  const text = \`main \${n} \${total} \${Math.random()}\`
  fs.writeFileSync('main.txt', text)
}
function step(n) {
  total += price(n)
  save(n)
  fs.existsSync('here')
}
let n = 0
const timer = setInterval(() => {
  step(++n)
  if (n === 120) clearInterval(timer)
}, 1)
tally(40)
new Worker('./worker.cjs').on('message', () => {})
fork('./child.cjs').on('message', () => {})
`,
  'worker.cjs': `
const fs = require('node:fs')
const { parentPort } = require('node:worker_threads')
let n = 0
const timer = setInterval(() => {
  n += 1
  const text = \`worker \${n} \${Math.random()}\`
  fs.writeFileSync('worker.txt', text)
  parentPort.postMessage(n % 7)
  if (n === 115) clearInterval(timer)
}, 1)
`,
  'child.cjs': `
const fs = require('node:fs')
let n = 0
const timer = setInterval(() => {
  n += 1
  const text = Buffer.from(\`child \${n} of \${'it '.repeat(30)}\`)
  fs.writeFileSync('child.txt', \`child \${n} ends\`)
  fs.appendFileSync('child.log', text)
  process.send(n)
  if (n === 25) {
    clearInterval(timer)
    process.disconnect()
  }
}, 1)
`,
  'node_modules/tally/index.js': `
const fs = require('node:fs')
exports.tally = function tally(times) {
  let count = 0
  function next() {
    fs.stat(__filename, onStat)
  }
  function onStat(error, stats) {
    count += 1
    const size = Math.sign(stats.size)
    fs.writeFileSync('tally.txt', \`tally \${count} \${size}\`)
    fs.existsSync('tally')
    if (count < times) next()
  }
  next()
}
`,
}

/** What is changed, and what has to be told: the step at whose turn, and the lines by their text in the file that ran
 *  and in the file that was recorded. */
export interface Change {
  readonly name: string
  readonly from: string
  readonly to: string
  /** As the program says it when it writes. */
  readonly step: string
  readonly line?: string
  readonly recordedLine?: string
  readonly thrown?: RegExp
}

const MAIN: readonly Change[] = [
  {
    name: 'another constant written',
    from: 'n * 2',
    to: 'n * (n > 110 ? 3 : 2)',
    step: 'main 111',
    line: "'main.txt'",
    recordedLine: "'main.txt'",
  },
  {
    name: 'a call added',
    from: 'price(n)\n',
    to: 'price(n); if (n === 108) Date.now()\n',
    step: 'main 108',
    line: 'Date.now()',
  },
  {
    name: 'the last call removed',
    from: "  fs.existsSync('here')",
    to: "  if (n !== 114) fs.existsSync('here')",
    step: 'main 114',
    recordedLine: "'here'",
  },
  {
    name: 'calls reordered',
    from: "save(n)\n  fs.existsSync('here')",
    to: "if (n === 115) fs.existsSync('here')\n  save(n)\n  if (n !== 115) fs.existsSync('here')",
    step: 'main 115',
    line: 'n === 115',
    recordedLine: "'main.txt'",
  },
  {
    name: 'a draw of chance more',
    from: 'return n * 2',
    to: 'if (n === 107) Math.random()\n  return n * 2',
    step: 'main 107',
    line: "'main.txt'",
  },
  {
    name: 'another word written',
    from: '`main ',
    to: "(n === 113 ? 'MAIN' : 'main') + ` ",
    step: 'main 113',
    line: "'main.txt'",
  },
  {
    name: 'a call added at the end',
    from: "fs.existsSync('here')",
    to: "fs.existsSync('here'); if (n === 109) fs.existsSync('there')",
    step: 'main 109',
    line: "'there'",
  },
  {
    name: 'a write removed',
    from: '  save(n)\n',
    to: '  if (n !== 112) save(n)\n',
    step: 'main 112',
    line: "'here'",
    recordedLine: "'main.txt'",
  },
  {
    name: 'another path',
    from: "'main.txt'",
    to: "n === 116 ? 'other' : 'main.txt'",
    step: 'main 116',
    line: "'main.txt'",
  },
  {
    name: 'an error that only the replay throws',
    from: '  total += price(n)',
    to: "  if (n === 117) throw new Error('new')\n  total += price(n)",
    step: 'main 117',
    line: "Error('new')",
    recordedLine: "'main.txt'",
    thrown: /^Error: new\n {4}at .*program\.cjs:\d+ step/,
  },
  {
    name: 'a timer that ends before',
    from: 'n === 120',
    to: 'n === 118',
    step: 'main 119',
    recordedLine: "'main.txt'",
  },
  {
    name: 'a source of chance of its own',
    from: '  const text =',
    to: "  if (n === 106) process.getBuiltinModule('node:crypto').randomUUID()\n  const text =",
    step: 'main 106',
    line: 'randomUUID',
  },
  {
    name: 'a timer added',
    from: '  const text =',
    to: '  if (n === 105) setTimeout(() => {}, 50)\n  const text =',
    step: 'main 105',
    line: 'n === 105',
  },
  { name: 'another constant, early', from: 'n * 2', to: 'n * (n > 2 ? 3 : 2)', step: 'main 3', line: "'main.txt'" },
  {
    name: 'a call removed, early',
    from: '  save(n)\n',
    to: '  if (n !== 40) save(n)\n',
    step: 'main 40',
    line: "'here'",
  },
]

const WORKER: readonly Change[] = [
  { name: 'another message', from: 'n % 7', to: 'n % (n > 110 ? 8 : 7)', step: 'worker 111', line: 'postMessage' },
  {
    name: 'another word written',
    from: '`worker ',
    to: "(n === 20 ? 'WORKER' : 'worker') + ` ",
    step: 'worker 20',
    line: "'worker.txt'",
  },
  {
    name: 'a call added',
    from: 'n += 1',
    to: 'n += 1; if (n === 105) Date.now()',
    step: 'worker 105',
    line: 'Date.now()',
  },
  {
    name: 'a message removed',
    from: '  parentPort.post',
    to: '  if (n !== 60) parentPort.post',
    step: 'worker 60',
    recordedLine: 'postMessage',
  },
  {
    name: 'a draw of chance more',
    from: 'n += 1',
    to: 'n += 1; if (n === 108) Math.random()',
    step: 'worker 108',
    line: "'worker.txt'",
  },
]

const CHILD: readonly Change[] = [
  {
    name: 'other bytes',
    from: "'it '",
    to: "(n === 12 ? 'in ' : 'it ')",
    step: 'child 12',
    line: "'child.log'",
    recordedLine: "'child.log'",
  },
  { name: 'another message', from: 'send(n)', to: 'send(n === 14 ? 15 : n)', step: 'child 14', line: 'process.send' },
  {
    name: 'a call added',
    from: 'n += 1',
    to: "n += 1; if (n === 16) fs.existsSync('it')",
    step: 'child 16',
    line: "existsSync('it')",
  },
  {
    name: 'a write removed',
    from: '  fs.appendFileSync',
    to: '  if (n !== 18) fs.appendFileSync',
    step: 'child 18',
    line: 'process.send',
    recordedLine: "'child.log'",
  },
  {
    name: 'an error that only the replay throws',
    from: 'n += 1',
    to: "n += 1; if (n === 20) throw new RangeError('no')",
    step: 'child 20',
    line: 'RangeError',
    thrown: /^RangeError: no\n/,
  },
]

const LIBRARY: readonly Change[] = [
  {
    name: 'another constant written',
    from: 'count += 1',
    to: 'count += 1\n    if (count === 30) count += 1',
    step: 'tally 30',
    line: "'tally.txt'",
  },
  {
    name: 'a call added',
    from: 'const size',
    to: 'if (count === 22) Date.now()\n    const size',
    step: 'tally 22',
    line: 'Date.now()',
  },
  {
    name: 'a write removed',
    from: '    fs.writeFileSync',
    to: '    if (count !== 25) fs.writeFileSync',
    step: 'tally 25',
    line: "existsSync('tally')",
    recordedLine: "'tally.txt'",
  },
  {
    name: 'calls reordered',
    from: 'const size',
    to: "if (count === 28) fs.existsSync('tally')\n    const size",
    step: 'tally 28',
    line: 'count === 28',
  },
  {
    name: 'another file asked for',
    from: 'stat(__filename',
    to: "stat(count === 33 ? '/' : __filename",
    step: 'tally 33',
    line: 'fs.stat',
  },
]

export interface ChangedFile {
  readonly thread: string
  readonly file: string
  readonly changes: readonly Change[]
}

export const CHANGED: readonly ChangedFile[] = [
  { thread: '0', file: 'program.cjs', changes: MAIN },
  { thread: '0.1', file: 'worker.cjs', changes: WORKER },
  { thread: '0.2', file: 'child.cjs', changes: CHILD },
  { thread: '0', file: 'node_modules/tally/index.js', changes: LIBRARY },
]
