import type { SourceFrame } from '../spool/source-frame.js'
import { createDecoder } from '../values/decoder.js'
import { type ChannelEnd, MessagePeek } from './pairs.js'
import { PatchScan } from './patch-scan.js'
import type { ContainerReplica } from './replica.js'
import type { ProcessRow, ThreadRow } from './tables.js'

/** What the writer keeps of one thread. */
export class ThreadLog {
  readonly row: ThreadRow
  readonly decoder = createDecoder()
  #scan: PatchScan | undefined
  readonly peek = new MessagePeek()
  readonly ends = new Map<number, ChannelEnd>()
  readonly containers = new Map<number, ContainerReplica>()
  /** The incarnation that each process is in. */
  readonly processes = new Map<number, ProcessRow>()
  dirty = true
  /** Time of its last event in the log, µs since the Unix epoch. */
  lastTimeUs = 0
  /** Dictionary that no commit has written yet. */
  dictionary: Uint8Array | undefined
  latestDictionary: Uint8Array | undefined
  /** Sources that it loaded, of which no commit has told yet. */
  readonly sources: SourceFrame[] = []

  constructor(row: ThreadRow) {
    this.row = row
  }

  /** Reads its deltas. */
  get scan(): PatchScan {
    this.#scan ??= new PatchScan(this.decoder.structures)
    return this.#scan
  }

  /** @throws DAMAGED when it is no dictionary */
  learn(dictionary: Uint8Array): void {
    this.#scan = undefined
    this.decoder.learn(dictionary)
  }
}
