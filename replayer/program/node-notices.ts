import type { Readable } from 'node:stream'

/** What Node prints of debuggers on its own: who holds the program says it better. */
const NOTICE = /^(?:Debugger (?:attached|listening|ending)|For help, see: |Waiting for the debugger to disconnect)/

/** Passes on what a process prints past its own program, line by line. */
export function passNotices(stderr: Readable): void {
  let rest = ''
  stderr.setEncoding('utf8')
  stderr.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (!NOTICE.test(line)) process.stderr.write(`${line}\n`)
  })
  stderr.on('end', () => process.stderr.write(rest))
}
