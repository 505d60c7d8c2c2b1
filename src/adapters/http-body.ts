/** What is kept of one body; the rest is counted. */
const MAX_BYTES = 1 << 20

/** Collects a body from the chunks that the program reads anyway. */
export class Body {
  readonly #type: string
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(contentType: unknown) {
    this.#type = typeof contentType === 'string' ? contentType.toLowerCase() : ''
  }

  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  add(chunk: unknown): void {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    this.#bytes += bytes.length
    if (this.#bytes <= MAX_BYTES) this.#chunks.push(bytes)
    else this.#chunks = []
  }

  /** JSON and forms as their values, so that redaction by key reaches into them; text as a string. Of everything else,
   *  and of what is too long, only size and type: a file upload is no state, and may hold what nobody can redact. */
  toPayload(): unknown {
    const rest = { bytes: this.#bytes, type: this.#type || null }
    if (this.#bytes > MAX_BYTES) return rest
    // All at once: a character may stand across two chunks.
    const text = () => Buffer.concat(this.#chunks).toString()
    if (/\bjson\b/.test(this.#type)) return parseJson(text()) ?? rest
    if (this.#type.includes('x-www-form-urlencoded')) return toFields(new URLSearchParams(text()))
    return this.#type.startsWith('text/') ? text() : rest
  }
}

/** Fields of a form or query: a list where a name stands more than once. */
export function toFields(pairs: URLSearchParams): Record<string, string | string[]> {
  const names = [...new Set(pairs.keys())]
  return Object.fromEntries(
    names.map((name) => {
      const values = pairs.getAll(name)
      return [name, values.length === 1 ? (values[0] as string) : values]
    }),
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
