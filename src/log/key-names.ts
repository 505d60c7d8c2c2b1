import { PREFIX, toKeyTime, toLastU32, toLastU64, toThreadNumbers } from './keys.js'
import { toSourceName } from './sources.js'

const BY_SEQ: Readonly<Record<number, string>> = {
  [PREFIX.chunk]: 'the events',
  [PREFIX.header]: 'the header of the events',
  [PREFIX.coarse]: 'the coarse header of the events',
}

const BY_CONTAINER: Readonly<Record<number, string>> = {
  [PREFIX.delta]: 'the deltas',
  [PREFIX.deltaIndex]: 'the index of the deltas',
  [PREFIX.keyframe]: 'the keyframe',
}

/** Says in words what an entry of the log holds, for people who read of its damage. */
export function toKeyName(key: Uint8Array): string {
  const prefix = key[0] ?? 0
  const bySeq = BY_SEQ[prefix]
  if (bySeq && key.length === 9) return `${bySeq} from seq ${toLastU64(key)} on`
  const byContainer = BY_CONTAINER[prefix]
  if (byContainer && key.length === 17) {
    const [thread, subject] = toThreadNumbers(key)
    return `${byContainer} of process ${thread}.${subject} from seq ${toLastU64(key)} on`
  }
  if (prefix === PREFIX.dictionary && key.length === 9) return `a dictionary of thread ${toThreadNumbers(key)[0]}`
  if (prefix === PREFIX.time && key.length === 17) return `the time mark at ${toKeyTime(key)} µs`
  if (prefix === PREFIX.ordinal && key.length === 9) {
    return `the place of event ${toLastU32(key)} of thread ${toThreadNumbers(key)[0]}`
  }
  if (prefix === PREFIX.sourceContent) return `the source with the hash ${Buffer.from(key.subarray(1)).toString('hex')}`
  if (prefix === PREFIX.source) return `the size of the source ${toSourceName(key).path}`
  const hex = Buffer.from(key).toString('hex')
  return prefix === PREFIX.meta ? `the entry ${hex} of the recording's tables` : `the entry ${hex}`
}
