/** What one value may cost. Beyond it a placeholder of type `size` or `depth` stands for the rest. */
export const LIMITS = {
  /** UTF-16 units of one string, bytes of one binary value, hex digits of one BigInt. */
  string: 4_194_304,
  /** The same, over everything in one value. */
  total: 67_108_864,
  /** Values nested in one another. */
  depth: 500,
  /** Values in all. */
  nodes: 1_000_000,
  /** What a foreign proxy counts for, as values: each look at it runs the program's code. */
  proxy: 50,
  /** Length of an array with holes. */
  sparse: 10_000_000,
  /** Characters of a preview. */
  preview: 120,
  /** Characters of a property name; longer ones are cut and carry their length. */
  key: 4_096,
} as const

/** Depths that are tried in turn when the program has left too little stack for the full one. */
export const SHALLOWER = [150, 40, 10, 1] as const
