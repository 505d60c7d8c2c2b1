/** A text document, a plain object of lines, fed by keystrokes: real ones where RETROSCOPE_TEST_DATA is set. At the end
 *  it must read as the log says, and the recording must know every hundredth state as the document's own list does. */
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setup } from '../../recorder/index.js'
import { openRecording } from '../../replayer/index.js'
import { type Edit, loadKeystrokes } from './keystrokes.js'

interface Document {
  readonly title: string
  readonly lines: string[]
  strokes: number
}

const dir = mkdtempSync(join(tmpdir(), 'retroscope-document-'))
const recording = join(dir, 'document.retro')
const log = loadKeystrokes(process.argv[2] ?? 'sveltecomponent', 5_000)
const scope = await setup({ out: recording })

const keyboard = scope.channel('keyboard', new EventEmitter())
const document = scope.container<Document>('document', { title: log.title, lines: log.start.split('\n'), strokes: 0 })
const own: { readonly stroke: number; readonly text: string }[] = []

keyboard.on('stroke', (edits: readonly Edit[]) => {
  scope.transaction(() => {
    for (const edit of edits) type(document, edit)
    document.strokes++
  })
})

let text = log.start
for (const edits of log.strokes) {
  keyboard.emit('stroke', edits)
  for (const [at, deleted, inserted] of edits) text = text.slice(0, at) + inserted + text.slice(at + deleted)
  if (document.strokes % 100 === 0) own.push({ stroke: document.strokes, text })
}
const typed = document.lines.join('\n')
await scope.stop()

const replayed = await openRecording(recording)
let wrong = 0
let compared = 0
for await (const { value } of replayed.history('document')) {
  const state = value as Document
  const expected = own[compared]
  if (!expected || state.strokes !== expected.stroke) continue
  compared++
  if (state.lines.join('\n') !== expected.text) wrong++
}
await replayed.close()
rmSync(dir, { recursive: true, force: true })

console.log(`${log.strokes.length} keystrokes of ${log.title}, ${typed.length} characters in the end`)
console.log(`it reads ${typed === log.end ? 'as the log says' : 'OTHERWISE than the log says'}`)
console.log(`${compared} states of ${own.length} compared with the document's own list, ${wrong} differ`)
process.exitCode = typed === log.end && wrong === 0 && compared === own.length ? 0 : 1

/** Applies one edit by lines, so that a keystroke changes one line and a line break inserts one. */
function type({ lines }: Document, [position, deleted, inserted]: Edit): void {
  let first = 0
  let column = position
  while (column > (lines[first] ?? '').length) column -= (lines[first++] ?? '').length + 1
  let last = first
  let end = column + deleted
  while (end > (lines[last] ?? '').length) end -= (lines[last++] ?? '').length + 1
  const whole = (lines[first] ?? '').slice(0, column) + inserted + (lines[last] ?? '').slice(end)
  const parts = whole.split('\n')
  if (parts.length === 1 && first === last) lines[first] = whole
  else lines.splice(first, last - first + 1, ...parts)
}
