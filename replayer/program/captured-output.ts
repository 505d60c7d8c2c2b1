import { closeSync, openSync, readSync } from 'node:fs'
import type { TapeHead } from '../../src/boundary/node/head.js'

/** Time in µs, descriptor, size of what was written. */
const CHUNK_HEAD = 13

/** What a re-executed thread writes, where it is kept to be put in order with what others write. */
export function toChunk(timeUs: number, fd: number, bytes: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(CHUNK_HEAD + bytes.length)
  chunk.writeDoubleLE(timeUs, 0)
  chunk[8] = fd
  chunk.writeUInt32LE(bytes.length, 9)
  chunk.set(bytes, CHUNK_HEAD)
  return chunk
}

export interface CapturedThread {
  /** File of chunks. */
  readonly file: string
  readonly head: TapeHead
  /** Written by Node itself behind everything else: an error that nobody caught. */
  readonly last: { readonly timeUs: number; readonly stdout: Uint8Array; readonly stderr: Uint8Array }
}

interface Place {
  readonly timeUs: number
  /** 1 or 2: of the command. */
  readonly fd: number
  readonly read: () => Uint8Array
}

/** Which of the command's outputs a thread's descriptor stands for; 0 for none: a pipe to its parent, a file. A worker
 *  writes through its parent. */
function toCommandFd({ worker, files, outputs }: TapeHead, fd: number): number {
  if (worker) return 0
  if (!files || !outputs) return fd
  const file = files[fd]
  if (!file) return 0
  if (file === outputs[fd - 1]) return fd
  return outputs.indexOf(file) + 1
}

/** Hands out what all threads wrote to the command's own stdout and stderr, in the order in which it was recorded: by
 *  time, as a collector may have met one thread's events later than another's. */
export function* mergeOutputs(threads: readonly CapturedThread[]): Generator<{ fd: number; bytes: Uint8Array }> {
  const opened = threads.map(({ file }) => openSync(file, 'r'))
  try {
    const places = threads.flatMap((thread, index) => listPlaces(thread, opened[index]!))
    places.sort((a, b) => a.timeUs - b.timeUs)
    for (const { fd, read } of places) yield { fd, bytes: read() }
  } finally {
    for (const file of opened) closeSync(file)
  }
}

function listPlaces({ head, last }: CapturedThread, file: number): Place[] {
  const places: Place[] = []
  const bytes = Buffer.alloc(CHUNK_HEAD)
  for (let at = 0; readSync(file, bytes, 0, CHUNK_HEAD, at) === CHUNK_HEAD; ) {
    const size = bytes.readUInt32LE(9)
    const [from, fd] = [at + CHUNK_HEAD, toCommandFd(head, bytes[8]!)]
    if (fd > 0) places.push({ timeUs: bytes.readDoubleLE(0), fd, read: () => readAt(file, from, size) })
    at = from + size
  }
  for (const [index, rest] of [last.stdout, last.stderr].entries()) {
    const fd = toCommandFd(head, index + 1)
    if (fd > 0 && rest.length > 0) places.push({ timeUs: last.timeUs, fd, read: () => rest })
  }
  return places
}

function readAt(file: number, from: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let done = 0; done < size; ) {
    const got = readSync(file, bytes, done, size - done, from + done)
    if (got === 0) return bytes.subarray(0, done)
    done += got
  }
  return bytes
}
