import type { Holder, Internals, Native } from './internals.js'

/** Takes the place of a native key on the tape. */
const KEY = '\0key'

type Kind = 'secret' | 'public' | 'private'

interface KeptKey {
  readonly [KEY]: Kind
  readonly bytes: Uint8Array
  /** What a `CryptoKey` says beside its handle: algorithm, usages, whether it may be exported. */
  readonly said?: readonly unknown[]
}

type KeyHandle = object & { export: Native; init: Native }

/** How Node's own JavaScript looks into a `CryptoKey`, since 24. */
interface CryptoKeys {
  isCryptoKey(value: unknown): boolean
  getCryptoKeyType(key: unknown): Kind
  getCryptoKeyHandle(key: unknown): KeyHandle
  getCryptoKeyAlgorithm(key: unknown): unknown
  getCryptoKeyUsagesMask(key: unknown): unknown
  getCryptoKeyExtractable(key: unknown): unknown
  readonly InternalCryptoKey: new (handle: KeyHandle, ...said: readonly unknown[]) => object
}

/** From here on `init` counts its arguments, and takes the name of a curve. */
const COUNTS_ARGUMENTS = 24

/** Native keys as the tape can keep them, and back: DER, in the encoding that says everything about a key of that kind. */
export class KeyHandles {
  readonly #internals: Internals
  readonly #crypto: Holder
  readonly #Handle: new () => KeyHandle

  constructor(internals: Internals) {
    this.#internals = internals
    this.#crypto = internals.binding('crypto')
    this.#Handle = this.#crypto['KeyObjectHandle'] as new () => KeyHandle
  }

  /** What a job that makes keys has made: a secret, or a public and a private key, or their encodings. */
  keep(result: unknown, index = -1): unknown {
    if (typeof result !== 'object' || result === null || ArrayBuffer.isView(result)) return result
    if (result instanceof this.#Handle) return this.#keepHandle(toKind(index), result)
    if (Array.isArray(result)) return result.map((one, at) => this.keep(one, at))
    if (Object.getPrototypeOf(result) === Object.prototype) {
      return Object.fromEntries(Object.entries(result).map(([name, one]) => [name, this.keep(one)]))
    }
    return this.#keepCryptoKey(result)
  }

  revive(kept: unknown): unknown {
    if (typeof kept !== 'object' || kept === null || ArrayBuffer.isView(kept)) return kept
    if (Array.isArray(kept)) return kept.map((one) => this.revive(one))
    if (!(KEY in kept)) {
      if (Object.getPrototypeOf(kept) !== Object.prototype) return kept
      return Object.fromEntries(Object.entries(kept).map(([name, one]) => [name, this.revive(one)]))
    }
    const { [KEY]: kind, bytes, said } = kept as KeptKey
    const handle = this.#reviveHandle(kind, bytes)
    return said ? new (this.#loadCryptoKeys().InternalCryptoKey)(handle, ...said) : handle
  }

  #keepHandle(kind: Kind, handle: KeyHandle): KeptKey {
    return { [KEY]: kind, bytes: handle.export(...this.#toEncoding(kind)) as Uint8Array }
  }

  #keepCryptoKey(key: object): unknown {
    const keys = this.#loadCryptoKeys()
    if (!keys.isCryptoKey?.(key)) return key
    return {
      ...this.#keepHandle(keys.getCryptoKeyType(key), keys.getCryptoKeyHandle(key)),
      said: [keys.getCryptoKeyAlgorithm(key), keys.getCryptoKeyUsagesMask(key), keys.getCryptoKeyExtractable(key)],
    }
  }

  #loadCryptoKeys(): CryptoKeys {
    return this.#internals.builtin('internal/crypto/keys') as unknown as CryptoKeys
  }

  #reviveHandle(kind: Kind, bytes: Uint8Array): KeyHandle {
    const { kKeyTypeSecret, kKeyTypePublic, kKeyTypePrivate } = this.#crypto
    const handle = new this.#Handle()
    if (kind === 'secret') {
      handle.init(kKeyTypeSecret, bytes)
      return handle
    }
    const type = kind === 'public' ? kKeyTypePublic : kKeyTypePrivate
    const [format, encoding] = this.#toEncoding(kind)
    const counts = Number.parseInt(process.versions.node, 10) >= COUNTS_ARGUMENTS
    handle.init(type, bytes, format, encoding, ...(counts ? [null, null] : [undefined]))
    return handle
  }

  #toEncoding(kind: Kind): unknown[] {
    const { kKeyFormatDER, kKeyEncodingSPKI, kKeyEncodingPKCS8 } = this.#crypto
    if (kind === 'secret') return []
    return kind === 'public'
      ? [kKeyFormatDER, kKeyEncodingSPKI]
      : [kKeyFormatDER, kKeyEncodingPKCS8, undefined, undefined]
  }
}

/** Jobs give a public key in front of its private one, and a secret alone. */
function toKind(index: number): Kind {
  if (index < 0) return 'secret'
  return index === 0 ? 'public' : 'private'
}
