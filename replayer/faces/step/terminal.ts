import { writeSync } from 'node:fs'
import { RetroscopeError } from '../../../src/errors.js'
import { type Key, toKeys } from './keys.js'

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[2J'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const SIGNALS = { SIGTERM: 15, SIGHUP: 1 } as const

/** The screen while the stepper owns it. Whatever ends the process (quit, signal, crash), the terminal is left as it was. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
  draw(lines: readonly string[]): void
  /** Resolves when the terminal has been given back. */
  close(): void
}

export interface TerminalEvents {
  onKey(key: Key): void
  onResize(): void
}

/** Takes the terminal over: alternate screen, raw keys. @throws USAGE when stdin or stdout is no terminal */
export function openTerminal({ onKey, onResize }: TerminalEvents): Terminal {
  const { stdin, stdout } = process
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new RetroscopeError('USAGE', 'step needs a terminal on its input and output.', {
      hint: 'In a pipe use: retroscope events REC, retroscope state REC CONTAINER --at MOMENT',
    })
  }
  let open = false
  let drawn: readonly string[] = []

  const enter = () => {
    open = true
    drawn = []
    stdin.setRawMode(true)
    stdin.resume()
    writeSync(1, ENTER)
  }
  const leave = () => {
    if (!open) return
    open = false
    // Synchronous, so that it also reaches the terminal from an exit handler.
    writeSync(1, LEAVE)
    stdin.setRawMode(false)
    stdin.pause()
  }
  const suspend = () => {
    leave()
    process.kill(process.pid, 'SIGTSTP')
  }
  const resume = () => {
    if (open) return
    enter()
    onResize()
  }
  const read = (chunk: Buffer) => {
    for (const key of toKeys(chunk.toString('utf8'))) {
      if (key === 'ctrl-z') suspend()
      else onKey(key)
    }
  }
  const redraw = () => {
    drawn = []
    onResize()
  }
  const die = (signal: keyof typeof SIGNALS) => {
    leave()
    process.exit(128 + SIGNALS[signal])
  }

  stdin.on('data', read)
  stdout.on('resize', redraw)
  process.on('exit', leave)
  process.on('SIGCONT', resume)
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, die)
  enter()

  return {
    get columns() {
      return stdout.columns || 80
    },
    get rows() {
      return stdout.rows || 24
    },
    draw(lines) {
      // Only lines that changed are sent: stepping through a long list must not flicker over a slow connection.
      let out = ''
      lines.forEach((line, row) => {
        if (drawn[row] !== line) out += `\x1b[${row + 1};1H${line}\x1b[0m\x1b[K`
      })
      if (lines.length < drawn.length) out += `\x1b[${lines.length + 1};1H\x1b[J`
      drawn = [...lines]
      if (out && open) writeSync(1, out)
    },
    close() {
      leave()
      stdin.off('data', read)
      stdout.off('resize', redraw)
      process.off('exit', leave)
      process.off('SIGCONT', resume)
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, die)
    },
  }
}
