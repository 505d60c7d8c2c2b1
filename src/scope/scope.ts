import type { Patch } from '../events.js'
import type { Seam } from './seam.js'

/** Any message end in its simplest form: every adapter and every session channel offers it. */
export interface Endpoint {
  send(message: unknown): void
  /** @returns a function that removes the handler */
  onMessage(handler: (message: unknown) => unknown): () => void
}

/** Any state store in its simplest form. */
export interface Store<S = unknown> {
  getState(): S
  subscribe(listener: (...args: never[]) => void): unknown
}

export interface ChannelOptions {
  /** Which end this is where the transport can't say: both ends of a MessageChannel in one thread take 0 and 1. */
  readonly end?: 0 | 1
}

/** A session's view of the world: the live program and a replay mount the same module with it. */
export interface SessionWorld {
  /** The session's end of a channel that the mounting program supplied under that name. Messages come one per turn. */
  channel(name: string): Endpoint
  container<C extends object>(name: string, container: C): C
  mark(text: string, data?: unknown): void
}

/** What a session module's default export is. */
export type SessionModule = (world: SessionWorld) => unknown

export interface Scope {
  readonly seam: Seam
  /** Wraps a message end and returns what to use in its place (the same object where it is patched in place).
   *  MessagePort, Worker, EventEmitter, EventTarget, BroadcastChannel, WebSocket, http.Server, any Endpoint.
   *  @throws UNSUPPORTED when it is none of them */
  channel<E extends object>(name: string, end: E, options?: ChannelOptions): E
  /** Wraps a state holder and returns what to use in its place: the same store (Redux, Zustand, XState, any Store),
   *  patched in place, or the tracking proxy of a plain object or class instance. @throws UNSUPPORTED */
  container<C extends object>(name: string, container: C): C
  mark(text: string, data?: unknown): void
  /** Runs several changes of tracked objects as one event. */
  transaction<T>(body: () => T): T
  /** Mounts a session module. `ends` supplies its channels by name. @returns what its default export returned */
  session(name: string, module: string | URL, ends: Readonly<Record<string, object>>): Promise<unknown>
  /** Flushes, restores everything that was patched and lets go of the process. Idempotent. */
  stop(): Promise<void>
}

export type { Patch }
