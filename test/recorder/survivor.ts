// A program that records numbered events and tells each number to file descriptor 3 when it has been recorded, until it
// dies in the way it was told to.
import { writeSync } from 'node:fs'
import { setup } from '../../recorder/index.js'
import type { SubjectNo } from '../../src/ids.js'

const [out, mode, seed, lastText] = process.argv.slice(2) as [string, string, string, string]
const last = Number(lastText)
let random = Number(seed)

function next(below: number): number {
  random = (Math.imul(random, 1103515245) + 12345) >>> 0
  return (random >>> 8) % below
}

function tell(number: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(number)
  for (let done = 0; done < 4; ) {
    try {
      done += writeSync(3, bytes, done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

const scope = await setup({ out })
const { seam } = scope
const channel = seam.open({ name: 'numbers', type: 'channel', channel: { transport: 'endpoint', end: 0 } })
const store = seam.open({ name: 'count', type: 'store', adapter: 'store' })
seam.init(store, { count: -1 })

function record(number: number): void {
  if (number % 3 === 0) scope.mark('number', { number })
  else if (number % 3 === 1) seam.send(channel, { number, text: 'x'.repeat(next(200)) })
  else change(store, number)
  tell(number)
}

function change(container: SubjectNo, number: number): void {
  seam.change(container, { before: { count: number - 3 }, after: { count: number }, trigger: { number } })
}

const hoard: unknown[] = []
for (let number = 0; ; ) {
  for (let burst = next(300); burst >= 0; burst--) {
    record(number)
    if (number === last) die()
    if (mode === 'oom' && number > last) hoard.push(Array.from({ length: 3000 }, (_, at) => ({ at, number })))
    number++
  }
  if (next(3) === 0) await new Promise((resolve) => setTimeout(resolve, next(3)))
  else if (next(2) === 0) await new Promise((resolve) => setImmediate(resolve))
}

function die(): void {
  if (mode === 'exit') process.exit(3)
  if (mode === 'throw') {
    process.nextTick(() => {
      throw new Error('thrown on purpose')
    })
  }
  if (mode === 'rejection') void Promise.reject(new Error('rejected on purpose'))
  if (mode === 'abort') process.abort()
  if (mode === 'loop') for (;;);
}
