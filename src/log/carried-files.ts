import { createReadStream, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ExtraFile } from './pack.js'

/** The files of a recording directory that a packed file carries along: its `sources`, read when it is their turn. */
export function* listCarriedFiles(recording: string): Generator<ExtraFile> {
  const root = join(recording, 'sources')
  if (!readdirSync(recording).includes('sources')) return
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = join(root, name)
    // A link in somebody's recording could name any file of whoever packs it.
    if (lstatSync(file).isFile()) yield { name: `sources/${name}`, content: createReadStream(file) }
  }
}
