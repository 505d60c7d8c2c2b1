/** What is done sooner needs no line. */
const AFTER_MS = 500
const EVERY_MS = 200

const CLEAR = '\r\u001b[K'

/** On a terminal, says on stderr how much of what the command has left behind is still to be taken into the log.
 *  @returns takes the line away */
export function showLeft(countBytes: () => number): () => void {
  if (process.stderr.isTTY !== true) return () => {}
  let drawn = false
  let timer = setTimeout(function draw() {
    timer = setTimeout(draw, EVERY_MS)
    const mb = countBytes() / 1024 / 1024
    if (mb < 1) return
    drawn = true
    process.stderr.write(`${CLEAR}retroscope: taking in the recording: ${mb.toFixed(0)} MB left`)
  }, AFTER_MS)
  return () => {
    clearTimeout(timer)
    if (drawn) process.stderr.write(CLEAR)
  }
}
