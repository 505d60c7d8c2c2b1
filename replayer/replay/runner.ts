import type { Verdict } from './divergence.js'
import { readStates } from './live-states.js'
import type { RunLimit, RunSpec, TurnSource } from './session-run.js'
import { SessionRun } from './session-run.js'

/** How far a replay has come. */
export interface Progress {
  readonly verdict: Verdict
  /** End of the turn that ran last; null before the first. */
  readonly at: { readonly turn: number; readonly seq: number } | null
  /** What the containers hold there, by name. */
  readonly live: Readonly<Record<string, unknown>>
}

/** Runs a session somewhere: in this thread, or in a fresh Worker. */
export interface Runner {
  advance(limit: RunLimit): Promise<Progress>
  close(): Promise<void>
}

/** Runs it in this thread and hands out its live objects. An endless loop of the session's hangs the caller. */
export async function runHere(spec: RunSpec, source: TurnSource): Promise<Runner> {
  const run = await SessionRun.load({ ...spec, module: toFreshUrl(spec.module) }, source)
  return {
    async advance(limit) {
      const verdict = await run.advance(limit)
      return { verdict, at: run.position, live: readStates(run.containers) }
    },
    async close() {
      run.close()
    },
  }
}

let fresh = 0

/** A module keeps its state for as long as the process lives; what it imports is still shared with the program. */
function toFreshUrl(url: string): string {
  if (!url.startsWith('file:')) return url
  fresh += 1
  return `${url}${url.includes('?') ? '&' : '?'}replay=${fresh}`
}
