import type { Internals, Native } from '../../src/boundary/node/internals.js'
import { findChannel } from '../../src/boundary/node/ipc.js'

interface Stream extends Record<string, unknown> {
  destroy: unknown
  isTTY?: boolean
  emit(event: string): boolean
}

/** Builds stdin, stdout and stderr as the kind that they were: Node decides by what the descriptors are here, and keeps
 *  that function out of reach (lib/internal/bootstrap/switches/is_main_thread.js). */
export function buildStdio(internals: Internals, kinds: readonly string[]): void {
  const util = internals.builtin('internal/util')
  const guess = util['guessHandleType'] as Native
  util['guessHandleType'] = (fd: number) => (fd >= 0 && fd < 3 ? kinds[fd] : Reflect.apply(guess, undefined, [fd]))
  define('stdin', () => makeInput(kinds[0]!))
  define('stdout', () => makeOutput(internals, 1, kinds[1]!))
  define('stderr', () => makeOutput(internals, 2, kinds[2]!))
}

function define(name: 'stdin' | 'stdout' | 'stderr', make: () => unknown): void {
  let stream: unknown
  const get = () => (stream ??= make())
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get })
}

function makeOutput(internals: Internals, fd: number, kind: string): unknown {
  const stream = createOutput(internals, fd, kind)
  stream['_isStdio'] = true
  stream['destroySoon'] = stream.destroy
  stream['_destroy'] = function (this: Stream, error: unknown, callback: (error: unknown) => void) {
    callback(error)
    const state = this['_writableState'] as { emitClose: boolean }
    if (!state.emitClose) process.nextTick(() => this.emit('close'))
  }
  Object.assign(stream, { fd })
  if (stream.isTTY) process.on('SIGWINCH', () => (stream['_refreshSize'] as () => void)())
  return stream
}

function createOutput(internals: Internals, fd: number, kind: string): Stream {
  if (kind === 'TTY') {
    const tty = process.getBuiltinModule('node:tty')
    return Object.assign(new tty.WriteStream(fd), { _type: 'tty' }) as unknown as Stream
  }
  if (kind === 'FILE') {
    const Sync = internals.builtin('internal/fs/sync_write_stream') as unknown as new (
      fd: number,
      options: object,
    ) => Stream
    return Object.assign(new Sync(fd, { autoClose: false }), { _type: 'fs' })
  }
  if (kind === 'PIPE' || kind === 'TCP') {
    const net = process.getBuiltinModule('node:net')
    const own = toOwnChannel(fd, findChannel(internals))
    return Object.assign(new net.Socket({ ...own, readable: false, writable: true }), {
      _type: 'pipe',
    }) as unknown as Stream
  }
  const { Writable } = process.getBuiltinModule('node:stream')
  return new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as Stream
}

/** Node looks whether a descriptor is that of the channel to its parent, which it asks for its descriptor. */
function toOwnChannel(fd: number, handle: unknown): { readonly fd: number } {
  const { channel } = process as unknown as { channel?: { readonly fd: number } }
  return channel && channel.fd === fd ? ({ handle } as unknown as { fd: number }) : { fd }
}

interface Input extends Record<string, unknown> {
  readonly _handle?: { reading: boolean; readStop?(): void }
  readonly _readableState: { reading: boolean }
  readonly readableFlowing: boolean | null
  on(event: string, listener: () => void): unknown
}

function makeInput(kind: string): unknown {
  const stream = createInput(kind)
  stream['fd'] = 0
  const stop = (): void => {
    stream._handle!.reading = false
    stream._readableState.reading = false
    stream._handle!.readStop?.()
  }
  if (stream._handle?.readStop) stop()
  stream.on('pause', () => {
    process.nextTick(() => {
      if (stream._handle?.reading && !stream.readableFlowing) stop()
    })
  })
  return stream
}

function createInput(kind: string): Input {
  if (kind === 'TTY') {
    const tty = process.getBuiltinModule('node:tty')
    return new tty.ReadStream(0) as unknown as Input
  }
  if (kind === 'FILE') {
    const { ReadStream } = process.getBuiltinModule('node:fs')
    const Read = ReadStream as unknown as new (path: null, options: object) => Input
    return new Read(null, { fd: 0, autoClose: false })
  }
  if (kind === 'PIPE' || kind === 'TCP') {
    const net = process.getBuiltinModule('node:net')
    const own = toOwnChannel(0, process.channel)
    const stream = new net.Socket({ ...own, readable: true, writable: false, ...{ manualStart: true } })
    const { _writableState: state } = stream as unknown as { _writableState: { ended: boolean } }
    state.ended = true
    return stream as unknown as Input
  }
  const { Readable } = process.getBuiltinModule('node:stream')
  const stream = new Readable({ read() {} })
  stream.push(null)
  return stream as unknown as Input
}
