import { Packr } from 'msgpackr/pack'
import { RetroscopeError } from '../errors.js'
import type { ValueDecoder } from './codec.js'
import { revive } from './revive.js'
import { PLAIN, TYPED } from './wire.js'

/** Reads what an encoder of any thread wrote, given its dictionaries. Runs no code from the bytes. */
export function createDecoder(): ValueDecoder {
  return new Decoder()
}

class Decoder implements ValueDecoder {
  #structures: readonly (readonly string[])[] = []
  #unpackr: Packr | undefined
  /** The unpacker met a structure that it does not know. */
  #asked = false

  get structures(): readonly (readonly string[])[] {
    return this.#structures
  }

  learn(dictionary: Uint8Array): void {
    this.#structures = toStructures(dictionary)
    this.#unpackr = undefined
  }

  decode(bytes: Uint8Array, start = 0, end = bytes.length): unknown {
    const kind = start < end ? bytes[start] : undefined
    if (kind !== PLAIN && kind !== TYPED) {
      throw damaged(`it starts with ${kind === undefined ? 'nothing' : `byte ${kind}`}`)
    }
    return this.#read(bytes, start + 1, end, kind)
  }

  decodePart(bytes: Uint8Array, start: number, end: number): unknown {
    return this.#read(bytes, start, end, PLAIN)
  }

  #read(bytes: Uint8Array, start: number, end: number, kind: number): unknown {
    const unpackr = (this.#unpackr ??= this.#toUnpackr())
    this.#asked = false
    try {
      const wire: unknown = unpackr.unpack(toBuffer(bytes), { start, end })
      if (this.#asked) throw damaged('it uses a structure that no dictionary has')
      return kind === TYPED ? revive(wire) : wire
    } catch (error) {
      this.#unpackr = undefined
      throw error instanceof RetroscopeError ? error : damaged(error instanceof Error ? error.message : String(error))
    }
  }

  #toUnpackr(): Packr {
    // The packer's class unpacks too; importing the unpacker alone would load a second entry of the package.
    const unpackr = new Packr({
      maxSharedStructures: 1024,
      structuredClone: true,
      getStructures: () => {
        this.#asked = true
        return this.#structures.map((keys) => [...keys])
      },
    })
    // Packing takes the structures in. Unpacking would take them in too, but goes on with a copy of the bytes then.
    unpackr.pack(null)
    return unpackr
  }
}

/** The unpacker cuts Buffers out of a Buffer, and out of other arrays what can't be told from typed arrays. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function damaged(what: string): RetroscopeError {
  return new RetroscopeError('DAMAGED', `The bytes are no encoded value: ${what}.`, {
    hint: 'The recording is damaged here, or a dictionary frame before it is missing.',
  })
}

function toStructures(dictionary: Uint8Array): readonly (readonly string[])[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(dictionary.buffer, dictionary.byteOffset, dictionary.byteLength).toString())
  } catch (error) {
    throw new RetroscopeError('DAMAGED', 'A dictionary frame is not JSON.', { cause: error })
  }
  const valid =
    Array.isArray(parsed) &&
    parsed.length <= 1024 &&
    parsed.every((keys) => Array.isArray(keys) && keys.every((key) => typeof key === 'string'))
  if (!valid) throw new RetroscopeError('DAMAGED', 'A dictionary frame is no list of lists of keys.')
  return parsed as string[][]
}
