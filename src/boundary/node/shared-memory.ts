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
    const found = search(message, 0, new Set())
    return found === 'unknown' ? searchWhole(message) : found
  } finally {
    tape.bypass = bypass
  }
}

/** @param seen what was looked through: a message may lead back into itself */
function search(value: unknown, depth: number, seen: Set<object>): boolean | 'unknown' {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false
  seen.add(value)
  if (ArrayBuffer.isView(value)) return value.buffer instanceof SharedArrayBuffer
  if (value instanceof ArrayBuffer) return false
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  if (!plain || depth === DEPTH) return 'unknown'
  let known: boolean | 'unknown' = false
  for (const item of Object.values(value)) {
    const found = search(item, depth + 1, seen)
    if (found === true) return true
    known ||= found
  }
  return known
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
