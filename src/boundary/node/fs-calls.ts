import { toBytes } from './entries.js'
import type { Request } from './requests.js'
import type { TapeReader, TapeWriter } from './tape.js'

type Tapes = TapeReader | TapeWriter
export type Args = ArrayLike<unknown>

/** What the program's buffers hold afterwards is an answer; what they hold before is of no account. */
export function findTargets(name: string, args: Args): Uint8Array[] | undefined {
  if (name === 'read') {
    const buffer = args[1]
    if (!ArrayBuffer.isView(buffer)) return undefined
    const start = Number(args[2] ?? 0)
    return [toBytes(buffer).subarray(start, start + Number(args[3]))]
  }
  if (name === 'readBuffers') return (args[1] as ArrayBufferView[]).map(toBytes)
  return undefined
}

/** What is compared: each argument but requests; of buffers what is written and nothing of what is read. */
export function argue(tape: Tapes, name: string, args: Args, reads: boolean): void {
  for (let index = 0; index < args.length; index++) {
    const value = args[index]
    if (reads && index === 1) continue
    if (name === 'writeBuffer' && index === 1 && ArrayBuffer.isView(value)) tape.digest(toWritten(args))
    else if (name === 'writeBuffers' && index === 1) for (const one of value as ArrayBufferView[]) tape.argument(one)
    else if (typeof value === 'symbol' || isRequest(value)) continue
    else tape.argument(value)
  }
}

function isRequest(value: unknown): value is Request {
  return typeof value === 'object' && value !== null && 'oncomplete' in value
}

function toWritten(args: Args): Uint8Array {
  const bytes = toBytes(args[1] as ArrayBufferView)
  const offset = Number(args[2] ?? 0)
  return bytes.subarray(offset, offset + Number(args[3] ?? bytes.length - offset))
}

/** Until Node 22 a synchronous call reports its error in an object that the caller hands in. */
export function findContext(args: Args): Record<string, unknown> | undefined {
  const last = args[args.length - 1]
  if (args.length < 3 || typeof last !== 'object' || last === null) return undefined
  if (ArrayBuffer.isView(last) || Array.isArray(last) || isRequest(last)) return undefined
  return last as Record<string, unknown>
}

/** How a call answers: at once, by a request's callback, or by a promise. */
export function findMode(args: Args, usePromises: unknown): Request | 'promise' | undefined {
  for (let index = args.length - 1; index >= 0; index--) {
    const value = args[index]
    if (value === usePromises) return 'promise'
    if (isRequest(value)) return value
  }
  return undefined
}

/** What the program wrote to its own stdout or stderr. */
export interface Written {
  readonly fd: number
  readonly bytes: Uint8Array
}

export function findWritten(name: string, args: Args): Written | undefined {
  const fd = args[0]
  if (fd !== 1 && fd !== 2) return undefined
  if (name === 'writeString') {
    return { fd, bytes: Buffer.from(args[1] as string, (args[3] as BufferEncoding) ?? 'utf8') }
  }
  if (name === 'writeBuffer') return { fd, bytes: toWritten(args) }
  if (name === 'writeBuffers') return { fd, bytes: Buffer.concat((args[1] as ArrayBufferView[]).map(toBytes)) }
  return undefined
}

/** The program may write to its buffer before the thread pool has. */
export function copyWritten(name: string, args: Args): Written | undefined {
  const found = findWritten(name, args)
  return found && { fd: found.fd, bytes: Uint8Array.prototype.slice.call(found.bytes) }
}
