/** One pair as a store gives it back. `value` is null where the stored bytes fail their checksum. */
export interface Entry {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export interface Range {
  readonly gte?: Uint8Array
  readonly gt?: Uint8Array
  readonly lte?: Uint8Array
  readonly lt?: Uint8Array
  readonly reverse?: boolean
  readonly limit?: number
}

/** Reading half of an ordered store of byte strings. LevelDB, memory and the packed file pass one contract suite.
 *  Every value carries a CRC-32 of its own on disk, added and checked in here. Keys compare bytewise. Bytes that come
 *  out are the store's: not to be changed.
 *
 *  A value that comes out is right, or null. That a key is absent proves less: damage can hide a key from LevelDB.
 *  Whatever must not be missed is numbered without holes by its writer and checked by its reader. */
export interface KeyValue {
  /** undefined: absent. null: there, and damaged. */
  get(key: Uint8Array): Promise<Uint8Array | null | undefined>
  /** In key order, or against it. Stable against writes that happen meanwhile.
   *  @throws DAMAGED, after everything readable was given, when a part is known to be missing from it */
  range(range: Range): AsyncIterable<Entry>
  close(): Promise<void>
}

export interface Batch {
  readonly put: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]
  readonly del?: readonly Uint8Array[]
  /** Keys whose values were lost where they come from: they are there, and damaged (`null`), here too. */
  readonly lost?: readonly Uint8Array[]
}

export interface WritableKeyValue extends KeyValue {
  /** All of it or nothing, whenever the process dies. The bytes are copied before this returns. */
  write(batch: Batch): Promise<void>
}
