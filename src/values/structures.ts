import { KEY, type Keys } from './keys.js'

/** As many as MessagePack's record ids of one and two bytes are shared here (msgpackr: `maxSharedStructures`). */
export const MAX_SHARED = 1024

/** Dictionaries that are keyed by id would fill the table with structures that never come again. Neither may msgpackr get
 *  a wider object: it defines the structure where it stands, and what it writes for the next such object in the same value
 *  can't be read while the table has fewer than 64 structures (2.1). */
export const WIDEST_SHARED = 64

/** Places in the tree: what a program can make of names that never come again is bounded. */
const MAX_PLACES = 65_536

/** First record id of msgpackr's extension. */
export const FIRST_ID = 0x40

/** Where the names of an object's properties lead, one by one: a place in the tree of all structures. */
export class Place {
  readonly parent: Place | undefined
  readonly key: string
  /** How many names lead here. */
  readonly depth: number
  /** Record id of the structure that ends here; 0 for none. */
  id = 0
  /** The name that came first behind this place, and where it leads: nearly always the only one. */
  firstKey: string | undefined = undefined
  first: Place | undefined = undefined
  others: Map<string, Place> | undefined = undefined

  constructor(parent: Place | undefined, key: string) {
    this.parent = parent
    this.key = key
    this.depth = parent === undefined ? 0 : parent.depth + 1
  }

  find(key: string): Place | undefined {
    return this.firstKey === key ? this.first : this.others?.get(key)
  }

  add(key: string): Place {
    const next = new Place(this, key)
    if (this.first === undefined) {
      this.firstKey = key
      this.first = next
    } else {
      this.others ??= new Map()
      this.others.set(key, next)
    }
    return next
  }

  toKeys(): string[] {
    const keys: string[] = new Array(this.depth)
    for (let place: Place = this; place.parent !== undefined; place = place.parent) keys[place.depth - 1] = place.key
    return keys
  }
}

/** The record structures of one encoder: lists of names that are written once, in a dictionary. */
export class Structures {
  readonly root = new Place(undefined, '')
  readonly #keys: Keys
  readonly #lists: (readonly string[])[] = []
  /** Each as JSON. */
  readonly #texts: string[] = []
  #places = 0
  #fresh = false

  constructor(keys: Keys) {
    this.#keys = keys
  }

  get size(): number {
    return this.#lists.length
  }

  get isFull(): boolean {
    return this.#lists.length >= MAX_SHARED || this.#places >= MAX_PLACES
  }

  /** The place behind a name that has none yet; undefined when the name can't stand in a record. */
  extend(place: Place, key: string): Place | undefined {
    if (this.#keys.classify(key) !== KEY.plain) return undefined
    this.#places++
    return place.add(key)
  }

  /** Shares what is wider than is shared at first sight. @returns its record id, 0 when there is no room for it */
  shareWide(keys: readonly string[]): number {
    if (this.isFull) return 0
    let place = this.root
    for (const key of keys) {
      const next = place.find(key) ?? this.extend(place, key)
      if (next === undefined) return 0
      place = next
    }
    return place.id === 0 ? this.share(place) : place.id
  }

  /** Makes the names that lead to a place a structure. @returns its record id, 0 when there is no room for it */
  share(place: Place): number {
    if (this.#lists.length >= MAX_SHARED) return 0
    place.id = FIRST_ID + this.#lists.length
    this.#append(place.toKeys())
    return place.id
  }

  /** Takes in what another packer has added behind those it was given. A name that is no plain one gets no place in the
   *  tree: what stands under it may have been a secret's token, and the next one is the secret. */
  adopt(lists: readonly (readonly string[])[]): void {
    for (let at = this.#lists.length; at < lists.length; at++) {
      const keys = [...lists[at]!]
      this.#append(keys)
      if (keys.some((key) => this.#keys.classify(key) !== KEY.plain)) continue
      let place = this.root
      for (const key of keys) place = place.find(key) ?? place.add(key)
      place.id = FIRST_ID + at
    }
  }

  toLists(): string[][] {
    return this.#lists.map((keys) => [...keys])
  }

  /** All of them, as a dictionary frame; undefined when none is new since it was asked for last. */
  takeDictionary(): Uint8Array | undefined {
    if (!this.#fresh) return undefined
    this.#fresh = false
    return Buffer.from(`[${this.#texts.join(',')}]`)
  }

  #append(keys: readonly string[]): void {
    this.#lists.push(keys)
    this.#texts.push(JSON.stringify(keys))
    this.#fresh = true
  }
}
