import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** One edit: at this position, delete so many characters, insert this text. */
export type Edit = readonly [position: number, deleted: number, inserted: string]

export interface Keystrokes {
  readonly title: string
  readonly start: string
  /** What the document must read at the end. */
  readonly end: string
  readonly strokes: readonly (readonly Edit[])[]
}

interface EditingTrace {
  readonly startContent: string
  readonly endContent: string
  readonly txns: readonly { readonly patches: readonly Edit[] }[]
}

/** A real editing log of that name where the folder of test data holds it, else a generated one. */
export function loadKeystrokes(name: string, most: number): Keystrokes {
  const folder = process.env.RETROSCOPE_TEST_DATA
  const file = folder ? join(folder, `${name}.json.gz`) : undefined
  if (!file || !existsSync(file)) return generate(most)
  const trace = JSON.parse(gunzipSync(readFileSync(file)).toString()) as EditingTrace
  const strokes = trace.txns.map(({ patches }) => patches)
  return { title: name, start: trace.startContent, end: trace.endContent, strokes }
}

/** Somebody who types words, deletes some of them again and breaks lines. The text is kept as one string beside it. */
function generate(most: number): Keystrokes {
  const words = ['time', 'travel', 'record', 'replay', 'state', 'cause', 'turn', 'tape']
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed % below
  }
  let text = ''
  const strokes: Edit[][] = []
  while (strokes.length < most) {
    const at = next(text.length + 1)
    const deleted = next(4) === 0 ? Math.min(next(12), text.length - at) : 0
    const inserted = next(5) === 0 ? '\n' : `${words[next(words.length)]} `
    strokes.push([[at, deleted, inserted]])
    text = text.slice(0, at) + inserted + text.slice(at + deleted)
  }
  return { title: 'generated', start: '', end: text, strokes }
}
