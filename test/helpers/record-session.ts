import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { setup } from '../../recorder/index.js'
import type { Event } from '../../src/events.js'
import { openLog } from '../../src/log/open.js'

/** An end that a test drives: what it gives arrives at the session, and what the session sends can be waited for. */
export class TestEnd {
  readonly sent: unknown[] = []
  readonly #news = new EventEmitter()
  readonly #handlers = new Set<(message: unknown) => unknown>()

  send(message: unknown): void {
    this.sent.push(message)
    this.#news.emit('sent')
  }

  onMessage(handler: (message: unknown) => unknown): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  give(message: unknown): void {
    for (const handler of this.#handlers) handler(message)
  }

  /** Waits until the session has sent something like that. */
  async until(matches: (message: unknown) => boolean): Promise<void> {
    while (!this.sent.some(matches)) await new Promise((resolve) => this.#news.once('sent', resolve))
  }
}

export interface RecordedSession<T> {
  readonly path: string
  readonly result: T
}

/** Records one session into `dir`, driven by `drive`, whose result it gives back beside the path. */
export async function recordSession<T>(
  dir: string,
  module: string | URL,
  ends: Readonly<Record<string, object>>,
  drive: (mounted: unknown) => Promise<T>,
): Promise<RecordedSession<T>> {
  const path = join(dir, 'run.retro')
  const scope = await setup({ out: path })
  try {
    return { path, result: await drive(await scope.session('work', module, ends)) }
  } finally {
    await scope.stop()
  }
}

/** All events of a recording. */
export async function readEvents(path: string): Promise<Event[]> {
  const log = await openLog(path)
  try {
    const events: Event[] = []
    for await (const event of log.events()) events.push(event)
    return events
  } finally {
    await log.close()
  }
}
