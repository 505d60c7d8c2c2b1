/** How deep it is looked by hand, which costs next to nothing. */
const DEPTH = 8

/** Whether memory in it would be shared with who receives it: a clone of all else is a copy. Plain data is looked
 *  through; what is none (a class instance, a Map, memory of WebAssembly) is given to V8's own serializer, which asks
 *  about shared memory wherever it stands. */
export function isSharing(tape: { bypass: boolean }, message: unknown): boolean {
  if (typeof message !== 'object' || message === null) return false
  const { bypass } = tape
  // Getters of the program's may run, once more than without: what they ask is nobody's answer.
  tape.bypass = true
  try {
    return search(message, 0)
  } finally {
    tape.bypass = bypass
  }
}

function search(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (ArrayBuffer.isView(value)) return value.buffer instanceof SharedArrayBuffer
  if (value instanceof ArrayBuffer) return false
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!plain || depth === DEPTH) return searchWhole(value)
  for (const item of Object.values(value)) if (search(item, depth + 1)) return true
  return false
}

function searchWhole(value: object): boolean {
  const { Serializer } = process.getBuiltinModule('node:v8')
  let found = false
  const finder = new (class extends Serializer {
    _getSharedArrayBufferId(): number {
      found = true
      return 0
    }
    /** Ports and the like. */
    _writeHostObject(): void {}
  })()
  try {
    finder.writeHeader()
    finder.writeValue(value)
  } catch {
    // It cannot be cloned, so it is not sent.
  }
  return found
}
