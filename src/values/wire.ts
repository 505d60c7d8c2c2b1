/** Wire forms: how values that MessagePack cannot say are written, as records with a `$type` that starts with `=`.
 *  Any other `$type` on the wire is a placeholder. A program's own object with a `$type` key travels as `=object`. */
export const TAG = {
  /** `keys`, `values`: an object whose keys cannot be record keys. */
  object: '=object',
  /** `fields`: an object without prototype. */
  bare: '=null',
  /** `name`, `fields`: own enumerable fields of a class instance. */
  instance: '=instance',
  /** `name`, `base`, `fields`: instance of a class that extends a built-in, which is `base`. */
  extended: '=extended',
  /** `length`, `fields`: array with holes or extra properties. */
  array: '=array',
  negativeZero: '=-0',
  /** `units`: little-endian UTF-16 of a string with lone surrogates. */
  string: '=string',
  /** `hex`: digits, with a minus sign where negative. */
  bigint: '=bigint',
  /** `source`, `flags`, `lastIndex`. */
  regexp: '=regexp',
  /** `name`, `message`, `stack`, `cause` where there is one (`hasCause`), `fields`. */
  error: '=error',
  /** `href`. */
  url: '=url',
  /** `text`. */
  query: '=query',
  /** `value`: Number, String, Boolean or BigInt object. */
  boxed: '=boxed',
  /** `name`: typed array, Buffer or DataView without bytes. */
  empty: '=empty',
} as const

export type Tag = (typeof TAG)[keyof typeof TAG]

/** First byte of an encoded value: whether anything in it has a wire form. */
export const PLAIN = 0
export const TYPED = 1
