const { keys: keysOf } = Object

/** No holes, and no enumerable properties but its elements. Integer keys come first, in order. */
export function isDense(value: readonly unknown[]): boolean {
  const keys = keysOf(value)
  return keys.length === value.length && (keys.length === 0 || keys[keys.length - 1] === String(keys.length - 1))
}
