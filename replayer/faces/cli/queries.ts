import type { Commands } from './program.js'

/** The questions about a recording, and what is done with it as a whole. None of them runs code from it. */
export const QUERIES: Commands = {
  info: {
    summary: 'what a recording is and how it ended',
    load: async () => (await import('./commands/info.js')).defineInfo(),
  },
  events: {
    summary: 'its events, in order',
    load: async () => (await import('./commands/events.js')).defineEvents(),
  },
  state: {
    summary: 'the state of a container at a moment',
    load: async () => (await import('./commands/state.js')).defineState(),
  },
  diff: {
    summary: 'what changed between two moments',
    load: async () => (await import('./commands/diff.js')).defineDiff(),
  },
  history: {
    summary: 'every change of a container or a value',
    load: async () => (await import('./commands/history.js')).defineHistory(),
  },
  why: {
    summary: 'the last write of a value and its causes',
    load: async () => (await import('./commands/why.js')).defineWhy(),
  },
  pack: {
    summary: 'pack it into one file to attach',
    load: async () => (await import('./commands/pack.js')).definePack(),
  },
  unpack: {
    summary: 'turn a packed file back into a directory',
    load: async () => (await import('./commands/pack.js')).defineUnpack(),
  },
  verify: {
    summary: 'read every byte of it and check it',
    load: async () => (await import('./commands/verify.js')).defineVerify(),
  },
}
