import { spawn } from 'node:child_process'

/** A shell in our process group, which reports the signals that it gets: what reached it too was sent to the group. */
export interface Witness {
  /** Asks whether it got that signal since it was last asked. */
  saw(signal: string): Promise<boolean>
  stop(): void
}

/** Traps run before the next command of a shell: whatever it got before our question stands in front of its answer. */
const SCRIPT = `for s in INT TERM HUP QUIT USR1 USR2; do trap "hit=1; echo SIG$s" $s; done; echo ready
while :; do if read line; then echo answer; elif [ "$hit" ]; then hit=; else exit 0; fi; done`

/** A shell that does not answer (stopped) counts as not having seen anything. A machine may be that busy: a signal that
 *  is sent on too early reaches the command twice. */
const ANSWER_MS = 10_000

/** Starts the witness and waits until it watches. Without a shell it has never seen anything. */
export async function startWitness(answerMs = ANSWER_MS): Promise<Witness> {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'], env: {} })
  const seen = new Map<string, number>()
  let ended = false
  let heard: (() => void)[] = []
  shell.on('error', end)
  shell.on('exit', end)
  shell.stdin.on('error', end)
  shell.stdout.on('error', end)
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const line of text.split('\n')) {
      if (line.startsWith('SIG')) seen.set(line, (seen.get(line) ?? 0) + 1)
      else if (line !== '') heard.shift()?.()
    }
  })
  function end(): void {
    ended = true
    for (const resolve of heard) resolve()
    heard = []
  }
  function hear(): Promise<void> {
    if (ended) return Promise.resolve()
    return new Promise((resolve) => {
      // Where we were held up ourselves, the timer comes first and the answer, long there, right behind it.
      const timer = setTimeout(() => setImmediate(resolve), answerMs)
      heard.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
  await hear()
  return {
    async saw(signal) {
      if (!ended) shell.stdin.write('?\n')
      await hear()
      const count = seen.get(signal) ?? 0
      seen.set(signal, Math.max(0, count - 1))
      return count > 0
    },
    stop() {
      shell.kill('SIGKILL')
    },
  }
}
