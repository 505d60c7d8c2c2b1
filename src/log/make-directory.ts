import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a directory, 0700, and what is missing above it. In its place, `mkdirSync` with `recursive` never comes back on
 *  Node 20 where a file system (such as /proc) answers ENOENT for a name below a directory that is there.
 *  @throws what the system says */
export function makeDirectory(dir: string): void {
  if (existsSync(dir)) return
  const above = dirname(dir)
  if (above !== dir) makeDirectory(above)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
