import { basename } from 'node:path'
import type { ProcessInfo } from '../../../src/log/reader.js'

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/

/** A word as a shell takes it literally: as it is, else in single quotes. */
export function toWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** How to type a process: by its name where a shell leaves that alone, else by its id. */
export function toProcessWord(name: string, process: ProcessInfo): string {
  return PLAIN.test(name) ? name : process.pid
}

/** The last part of a path, as a title. */
export function toTitle(path: string): string {
  return basename(path)
}
