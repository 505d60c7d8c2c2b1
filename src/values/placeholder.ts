const MARK = Symbol.for('retroscope.placeholder.v1')

/** Stands where a value could not be kept: what it was (`$type`), what it was called (`name`), how it looked in one
 *  line (`preview`). A program's own object with a `$type` key decodes as a plain object and never as one of these. */
export class Placeholder {
  readonly $type: string
  readonly name: string
  readonly preview: string

  constructor(type: string, name: string, preview: string) {
    this.$type = type
    this.name = name
    this.preview = preview
  }
}
Object.defineProperty(Placeholder.prototype, MARK, { value: true })

/** Guards by symbol, so that placeholders of a second copy of this package are recognised too. Runs no program code
 *  unless `value` is a proxy: ask only about decoded values, or about objects known to be none. */
export function isPlaceholder(value: unknown): value is Placeholder {
  return typeof value === 'object' && value !== null && MARK in value
}
