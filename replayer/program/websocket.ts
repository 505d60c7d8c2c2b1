import { randomBytes } from 'node:crypto'

/** What Node's inspector and debuggers say to one another: whole messages in one frame each (RFC 6455). */
export interface Frame {
  /** Of a text message. */
  readonly text?: string
  /** The last of its sender. */
  readonly isClose: boolean
  /** A part of a message, or none of text. */
  readonly isStrange: boolean
  /** All of it, as it came. */
  readonly bytes: Buffer
}

const TEXT = 0x81
const CLOSE = 0x88
const PING = 0x89
const PONG = 0x8a
const MASKED = 0x80
const LONG = 127
const MIDDLE = 126

/** Takes frames out of what comes in pieces. */
export class FrameReader {
  #parts: Buffer[] = []
  #size = 0
  #wanted = 2

  /** @returns the frames that are whole with it */
  read(part: Buffer): Frame[] {
    this.#parts.push(part)
    this.#size += part.length
    const frames: Frame[] = []
    while (this.#size >= this.#wanted) {
      const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
      const { header, end } = measure(bytes)
      this.#wanted = end
      this.#parts = [bytes]
      if (bytes.length < end) break
      frames.push(toFrame(bytes.subarray(0, end), header))
      this.#parts = [bytes.subarray(end)]
      this.#size = bytes.length - end
      this.#wanted = 2
    }
    return frames
  }
}

/** Where a frame's content begins and ends, as far as that can be read. */
function measure(bytes: Buffer): { readonly header: number; readonly end: number } {
  const short = bytes[1]! & LONG
  const mask = bytes[1]! & MASKED ? 4 : 0
  const header = (short === LONG ? 10 : short === MIDDLE ? 4 : 2) + mask
  if (bytes.length < header) return { header, end: header }
  const size = short === LONG ? Number(bytes.readBigUInt64BE(2)) : short === MIDDLE ? bytes.readUInt16BE(2) : short
  return { header, end: header + size }
}

function toFrame(bytes: Buffer, header: number): Frame {
  const kind = bytes[0]!
  const isClose = kind === CLOSE
  const isStrange = kind !== TEXT && !isClose && kind !== PING && kind !== PONG
  if (kind !== TEXT) return { bytes, isClose, isStrange }
  const content = bytes.subarray(header)
  if (!(bytes[1]! & MASKED)) return { bytes, isClose, isStrange, text: content.toString() }
  return { bytes, isClose, isStrange, text: masked(content, bytes.subarray(header - 4, header)).toString() }
}

/** A text message as the inspector sends it, or, masked, as a debugger does. */
export function toTextFrame(text: string, sender: 'inspector' | 'debugger'): Buffer {
  const content = Buffer.from(text)
  const header = toHeader(content.length)
  if (sender === 'inspector') return Buffer.concat([header, content])
  header[1]! |= MASKED
  const mask = randomBytes(4)
  return Buffer.concat([header, mask, masked(content, mask)])
}

/** The last frame of a server, with its reason (RFC 6455, 7.4.1). */
export function toCloseFrame(code: number): Buffer {
  return Buffer.from([CLOSE, 2, code >> 8, code & 0xff])
}

function toHeader(size: number): Buffer {
  if (size < MIDDLE) return Buffer.from([TEXT, size])
  const isLong = size > 0xffff
  const header = Buffer.alloc(isLong ? 10 : 4)
  header[0] = TEXT
  header[1] = isLong ? LONG : MIDDLE
  if (isLong) header.writeBigUInt64BE(BigInt(size), 2)
  else header.writeUInt16BE(size, 2)
  return header
}

function masked(content: Buffer, mask: Buffer): Buffer {
  const copy = Buffer.from(content)
  for (let at = 0; at < copy.length; at++) copy[at]! ^= mask[at & 3]!
  return copy
}
