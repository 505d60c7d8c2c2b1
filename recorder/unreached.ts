import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { RECORDING_VARIABLE } from './injection.js'
import { findObstacle, isNode, runsProgram } from './tree.js'

/** A Node process below the command, as the system shows it. */
export interface SeenProcess {
  /** Its id as it knows it itself, inside whatever container it runs. */
  readonly pid: number
  readonly command: readonly string[]
  /** Why it is not recorded, where that was known before it ran. */
  readonly obstacle?: string
}

/** Between two looks. A process that lives shorter may be missed; one that is seen by two looks counts. */
const LOOK_MS = 250

/** Watches the command's descendants through /proc for Node processes, so that those without the preload can be named:
 *  a shell may have started them with another environment. Best effort; on systems without /proc it sees nothing.
 *  @returns a function that ends it and gives those it saw */
export function watchDescendants(root: number, recording: string): () => readonly SeenProcess[] {
  const seen = new Map<number, { process: SeenProcess; looks: number }>()
  const timer = setInterval(look, LOOK_MS)
  timer.unref()
  function look(): void {
    for (const pid of listTree(root)) {
      const entry = seen.get(pid)
      if (entry && entry.looks > 1) continue
      // Just forked, it still shows the file and the words of its parent: the next look tells.
      const process = readNode(pid, recording)
      if (process) seen.set(pid, { process, looks: (entry?.looks ?? 0) + 1 })
      else seen.delete(pid)
    }
  }
  return () => {
    clearInterval(timer)
    return [...seen.values()].filter(({ looks }) => looks > 1).map(({ process }) => process)
  }
}

function listTree(root: number): number[] {
  const found = [root]
  for (let next = 0; next < found.length; next++) found.push(...listChildren(found[next]!))
  return found
}

function listChildren(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

/** @returns undefined unless Node runs a program in it that nobody else records or has named */
function readNode(pid: number, recording: string): SeenProcess | undefined {
  try {
    const file = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '')
    if (!isNode(file)) return undefined
    const command = readWords(`/proc/${pid}/cmdline`)
    if (!runsProgram(file, command) || findObstacle(file, command, [])) return undefined
    const told = readWords(`/proc/${pid}/environ`).find((pair) => pair.startsWith(`${RECORDING_VARIABLE}=`))
    if (told !== undefined && told !== `${RECORDING_VARIABLE}=${recording}`) return undefined
    const inside = /^NSpid:.*?(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return { pid: inside ? Number(inside) : pid, command }
  } catch {
    return undefined
  }
}

function readWords(file: string): string[] {
  return readFileSync(file, 'utf8').split('\0').slice(0, -1)
}
