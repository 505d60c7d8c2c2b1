import t from 'tap'
import { testExact } from './exact.js'
import { recordInputs } from './rig.js'

/** What asks below `Date` for the time, and what newer versions of Node have: used where it is there. */
const CLOCKS = `
  const { PassThrough } = require('node:stream')
  const { createInterface } = require('node:readline')
  const { buffer, crypto, vm } = Object.fromEntries(['buffer', 'crypto', 'vm'].map((n) => [n, require('node:' + n)]))
  const format = new Intl.DateTimeFormat('en', { second: 'numeric', fractionalSecondDigits: 3 })
  console.log(format.format(), format.format === format.format, format.format(0), format.formatToParts()[0].value)
  console.log(new buffer.File(['a'], 'name').lastModified, crypto.randomUUIDv7?.())
  if (typeof Temporal !== 'undefined') {
    const { Now } = Temporal
    console.log(String([Now.instant(), Now.timeZoneId(), Now.zonedDateTimeISO(), Now.plainDateTimeISO('UTC')]))
    console.log(String([Now.plainDateISO(), Now.plainTimeISO('Asia/Tokyo'), vm.runInNewContext('Temporal.Now.instant()')]))
    try { Now.plainDateISO('nowhere') } catch (error) { console.log(error.name) }
  }
  const input = new PassThrough()
  createInterface({ input, crlfDelay: 100 }).on('line', (line) => console.log(JSON.stringify(line)))
  input.write('two keys\\r')
  setTimeout(() => {
    input.write('\\none\\r')
    setImmediate(() => input.end('\\nend'))
  }, 120)`

testExact(t, 'clocks below Date', { file: 'clocks.cjs', text: CLOCKS })

const WORKER = `
  import { AsyncResource } from 'node:async_hooks'
  import fs from 'node:fs'
  import util from 'node:util'
  import { Worker, isMainThread, parentPort } from 'node:worker_threads'
  const lastId = () => new AsyncResource('MARK').asyncId()
  function showSites() {
    const sites = util.getCallSites?.() ?? []
    console.log(sites.length, sites.some(({ scriptName }) => /preload\\.cjs$/.test(scriptName)), sites[0]?.lineNumber)
  }
  async function ask(worker) {
    console.log((await worker.getHeapStatistics?.())?.used_heap_size, lastId())
    console.log(await worker.cpuUsage?.(), lastId())
    const profile = await worker.startCpuProfile?.()
    console.log((await profile?.stop())?.length, lastId())
    await worker.terminate()
    await worker.cpuUsage?.().catch((error) => console.log(error.code))
  }
  if (isMainThread) {
    const worker = new Worker(new URL(import.meta.url))
    worker.on('message', () => ask(worker))
    fs.readFile(new URL(import.meta.url), showSites)
    setTimeout(showSites, 1)
  } else {
    parentPort.postMessage('there')
    setInterval(() => {}, 1000)
  }`

testExact(t, 'questions to a worker, and call sites', { file: 'asking.mjs', text: WORKER })

const { navigator } = globalThis as { navigator?: { locks?: object } }
const skip = navigator?.locks ? false : 'this Node has no locks'

t.test('[B5] what Node loads with its own modules is named too', { skip }, async (t) => {
  const dir = t.testdir({ 'main.cjs': "navigator.locks.request('one', () => console.log('held'))" })
  const recorded = await recordInputs([process.execPath, 'main.cjs'], { cwd: dir })
  t.match(recorded, { code: 0, stdout: 'held\n', own: [/./, /locks between threads/] })
})
