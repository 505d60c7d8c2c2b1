import { CLAIM_BYTES, CLAIM_TEXT_BYTES, SPOOL_MAGIC } from '../src/spool/format.js'
import { closes, getTimeUs, originals } from './originals.js'
import { report, toMessage } from './report.js'

const RETRY_MIN_US = 50_000
const RETRY_MAX_US = 2_000_000

/** A check costs as much as half a write. */
const CHECK_US = 500
/** The same where each close that goes through `fs` is seen and the last was longer ago than that: what is left are handles
 *  and addons. */
const CHECK_QUIET_US = 20_000

/** One open spool file. Writes at positions of its own, so that a block that was cut off is written over, and never into a
 *  file that took over the descriptor's number after the program closed it. */
export class SpoolFile {
  readonly #path: string
  #room: string | undefined
  /** End of what was kept there for good. */
  #keptEnd = CLAIM_TEXT_BYTES
  #fd: number
  readonly #dev: number
  readonly #ino: number
  /** Some file systems count no names. */
  readonly #hasLinks: boolean
  /** End of the last whole block. */
  #offset: number
  /** While writing fails: when to try again. */
  #retryAtUs = 0
  #retryUs = RETRY_MIN_US
  #checkedAtUs = 0
  /** Nobody can find the file any more: what would be written to it fills the disk for nobody. */
  #removed = false
  /** What the last failure was. */
  failure = ''

  /** Makes the file (0600). @param room the claim, whose padding takes what this file does not take, or goes to make
   *  room for the last block on a full disk
   *  @throws what the system says; EEXIST when taken */
  constructor(path: string, room?: string) {
    this.#path = path
    this.#room = room
    this.#fd = originals.openSync(path, 'wx', 0o600)
    const { dev, ino, nlink } = originals.fstatSync(this.#fd)
    this.#dev = dev
    this.#ino = ino
    this.#hasLinks = nlink > 0
    this.#offset = 0
    try {
      this.#offset = originals.writeSync(this.#fd, SPOOL_MAGIC, 0, 'latin1')
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Whether it is time to try after a failure. @param urgent there may be no later */
  mayTry(urgent: boolean): boolean {
    return urgent || getTimeUs() >= this.#retryAtUs
  }

  /** Writes one block behind the last. @returns whether all of it is in the file */
  append(bytes: Uint8Array, urgent: boolean): boolean {
    // What a reader finds here, it takes to have come before what was kept.
    if (this.#keptEnd > CLAIM_TEXT_BYTES) return this.keep(bytes, true)
    if (this.#removed || (this.#retryAtUs !== 0 && !this.mayTry(urgent))) return false
    try {
      this.#makeSure()
      if (this.#offset < SPOOL_MAGIC.length) this.#write(Buffer.from(SPOOL_MAGIC, 'latin1'), 0)
      this.#write(bytes, Math.max(this.#offset, SPOOL_MAGIC.length))
      this.#retryAtUs = 0
      this.#retryUs = RETRY_MIN_US
      return true
    } catch (error) {
      this.#fail(error)
      return false
    }
  }

  /** Writes blocks into the claim, where room is even when this file may not grow. @param last whether what is kept next
   *  goes behind them, else in their place. @returns whether they are there */
  keep(bytes: Uint8Array, last: boolean): boolean {
    const end = this.#keptEnd + bytes.length
    if (this.#room === undefined || end > CLAIM_BYTES) return false
    try {
      const fd = originals.openSync(this.#room, 'r+')
      try {
        writeAll(fd, bytes, this.#keptEnd)
      } finally {
        originals.closeSync(fd)
      }
      if (last) this.#keptEnd = end
      return true
    } catch {
      return false
    }
  }

  /** Nothing follows but how it ended and what is missing: on a full disk, makes the room that was kept for that. */
  makeRoom(): void {
    if (this.#room === undefined || this.#retryAtUs === 0 || this.failure === 'EFBIG') return
    try {
      const fd = originals.openSync(this.#room, 'r+')
      originals.ftruncateSync(fd, CLAIM_TEXT_BYTES)
      originals.closeSync(fd)
    } catch {
      // It is gone: the command has ended.
    }
    this.#room = undefined
  }

  close(): void {
    try {
      if (this.#isOurs()) originals.closeSync(this.#fd)
    } catch {
      // It is closed.
    }
    this.#fd = -1
  }

  #write(bytes: Uint8Array, offset: number): void {
    this.#offset = writeAll(this.#fd, bytes, offset)
  }

  /** Looked at again when the program may have closed files since: for a while it is taken to have not. */
  #makeSure(): void {
    const nowUs = getTimeUs()
    const quiet = closes.areSeen && nowUs - closes.lastUs > CHECK_QUIET_US
    if (nowUs - this.#checkedAtUs < (quiet ? CHECK_QUIET_US : CHECK_US) && this.#retryAtUs === 0) return
    const links = this.#countLinks()
    if (links === undefined) this.#reopen()
    this.#checkedAtUs = nowUs
    if (links !== 0 || !this.#hasLinks) return
    this.close()
    this.#removed = true
    throw new Error('it was finished or removed, and this process goes on')
  }

  #isOurs(): boolean {
    return this.#countLinks() !== undefined
  }

  /** Names that the file has; undefined when the descriptor is not ours any more. */
  #countLinks(): number | undefined {
    if (this.#fd < 0) return undefined
    try {
      const { dev, ino, nlink } = originals.fstatSync(this.#fd)
      return ino === this.#ino && dev === this.#dev ? nlink : undefined
    } catch {
      return undefined
    }
  }

  /** The program closed our descriptor: the file is still there under its name. */
  #reopen(): void {
    this.#fd = -1
    const fd = originals.openSync(this.#path, 'r+')
    const { dev, ino } = originals.fstatSync(fd)
    if (ino !== this.#ino || dev !== this.#dev) {
      originals.closeSync(fd)
      throw new Error(`${this.#path} is another file than the one that was being written`)
    }
    this.#fd = fd
  }

  #fail(error: unknown): void {
    const code = (error as NodeJS.ErrnoException)?.code
    this.failure = code ?? toMessage(error)
    this.#retryAtUs = getTimeUs() + this.#retryUs
    this.#retryUs = Math.min(this.#retryUs * 2, RETRY_MAX_US)
    report(
      `write:${this.failure}`,
      `the recording cannot be written (${toMessage(error)}); the program goes on, what is missing becomes a gap`,
    )
    try {
      if (this.#isOurs()) originals.ftruncateSync(this.#fd, this.#offset)
    } catch {
      // The rest of a block that was cut off stays: readers drop it, the next write covers it.
    }
  }
}

/** @returns the end of what was written */
function writeAll(fd: number, bytes: Uint8Array, offset: number): number {
  let done = 0
  while (done < bytes.length) done += originals.writeSync(fd, bytes, done, bytes.length - done, offset + done)
  return offset + done
}
