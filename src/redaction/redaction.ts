import type { Patch, PatchOperation } from '../events.js'
import { findAt, formatPointer, parsePointer } from '../json/pointer.js'
import type { Redactor } from '../values/codec.js'
import { TextMarks } from '../values/text-marks.js'
import { SecretPaths } from './secret-paths.js'
import {
  isSecretName,
  isSecretVariable,
  MAY_HOLD_SECRET,
  SECRET_MARKS,
  SECRET_NAME_MARKS,
  SECRET_TEXTS,
  toBareName,
} from './secrets.js'

/** What to withhold besides what is withheld anyway. */
export interface RedactOptions {
  /** Names of properties, headers and map keys, compared without case, dashes and underscores. */
  readonly keys?: readonly string[]
  /** Pointers into messages, states and mark data. A star stands for one segment, two stars for any number. */
  readonly paths?: readonly string[]
  /** Texts; what matches is replaced, or the first group where the expression has one. */
  readonly patterns?: readonly RegExp[]
  /** Sees every text before it is stored and returns what to store. */
  readonly fn?: (text: string) => string
}

/** A shorter text is no secret that a pattern or the environment knows. */
const SHORTEST_TEXT = 8

/** A longer one has something of any mark by chance: one look with the expression is cheaper than both. */
const LONGEST_MARKED = 512

const NAME_MARKS = new TextMarks(SECRET_NAME_MARKS, 3)

const REMEMBERED = 4096
const LONGEST_REMEMBERED = 1024

/** Names that our own bodies use for what is no secret. Asked for by the user, they are looked for in payloads only. */
const BODY_NAMES: ReadonlySet<string> = new Set(
  (
    'op n payload event handleus error name message stack code cause state patch trigger path value from text data reason ' +
    'count detail type incarnation thread channel session adapter within transport end peer loop outside pid threadid node ' +
    'platform argv cwd preload module channels lastmessage laststates subject ordinal to command unrecorded signal call ' +
    'values timer args result durationus target bytes crc'
  ).split(' '),
)

/** What whoever withholds has to bring along. */
export interface RedactionTools {
  /** Hexadecimal, 12 digits or more: equal for equal texts, and tells nothing about them to who has not the key. */
  hash(key: Buffer, text: string): string
  report(kind: string, message: string): void
}

/** What is withheld, and what stands in its place. Equal secrets have equal tokens within one recording; without the key,
 *  which is nowhere in it, a token tells nothing but (for texts out of the environment) its length. */
export class Redaction implements Redactor {
  readonly #key: Buffer
  readonly #tools: RedactionTools
  readonly #keys: ReadonlySet<string>
  readonly #paths: SecretPaths | undefined
  readonly #patterns: readonly RegExp[]
  readonly #fn: ((text: string) => string) | undefined
  /** Secret values of the environment, and the key. */
  readonly #environment: RegExp
  /** One look that rules out nearly every text: it finds whatever the environment's or our patterns find. */
  readonly #suspicious: RegExp
  /** Every text is looked at, short ones too. */
  readonly #eager: boolean
  readonly marks: TextMarks | undefined
  readonly #asked = new Map<string, boolean>()
  readonly #hashes = new Map<string, string>()

  constructor(options: RedactOptions, env: NodeJS.ProcessEnv, key: Buffer, tools: RedactionTools) {
    this.#tools = tools
    this.#key = key
    const names = (options.keys ?? []).map(toBareName)
    this.#keys = new Set(names.filter((name) => !BODY_NAMES.has(name)))
    const nested = names.filter((name) => BODY_NAMES.has(name))
    this.#paths = options.paths?.length || nested.length ? new SecretPaths(options.paths ?? [], nested) : undefined
    this.#patterns = (options.patterns ?? []).map(toGlobal)
    this.#fn = options.fn
    const known = [this.key, ...listSecrets(env)]
    this.#environment = toSecretPattern(known)
    this.#suspicious = new RegExp(`${this.#environment.source}|${MAY_HOLD_SECRET.source}`, 'i')
    this.#eager = this.#fn !== undefined || this.#patterns.length > 0
    this.marks = this.#eager ? undefined : new TextMarks([...known, ...SECRET_MARKS], SHORTEST_TEXT)
  }

  /** The key as text, for the environment of child processes and workers. */
  get key(): string {
    return this.#key.toString('base64url')
  }

  isSecretKey(key: string): boolean {
    return isSecretName(key) || this.#keys.has(toBareName(key))
  }

  text(value: string): string {
    if (!this.#eager && !this.#maySuspect(value)) return value
    let text = value
    text = this.known(text)
    if (MAY_HOLD_SECRET.test(text)) for (const pattern of SECRET_TEXTS) text = this.#replace(text, pattern)
    for (const pattern of this.#patterns) text = this.#replace(text, pattern)
    return this.#fn ? this.#ask(this.#fn, text) : text
  }

  /** Replaces only what the environment names as a secret, by something as long. */
  known(text: string): string {
    return text.replace(this.#environment, (secret) => this.#scramble(secret))
  }

  #maySuspect(value: string): boolean {
    if (value.length <= LONGEST_MARKED && !this.marks!.mayBeIn(value)) return false
    return this.#suspicious.test(value)
  }

  token(value: unknown): string {
    return `[redacted ${this.#hash(toHashText(value)).slice(0, 12)}]`
  }

  /** A message, state or mark as it may be encoded: the very same where no path of the user's leads into it. */
  payload(value: unknown): unknown {
    if (!this.#paths || typeof value !== 'object' || value === null) return value
    try {
      return this.#paths.withhold(value, (secret) => this.token(secret))
    } catch (error) {
      this.#tools.report(
        'redact',
        `a value could not be searched for secrets (${String(error)}); it is withheld as a whole`,
      )
      return this.token(value)
    }
  }

  /** A patch as it may be encoded. A change under a secret name is the change of that name's token.
   *  @throws TypeError when it is no patch */
  patch(patch: Patch, after: unknown): Patch {
    if (!Array.isArray(patch)) throw new TypeError('a patch is an array of operations')
    let changed: PatchOperation[] | undefined
    for (let at = 0; at < patch.length; at++) {
      const operation = patch[at]!
      const clean = this.#operation(operation, after)
      if (clean !== operation) changed ??= patch.slice(0, at)
      changed?.push(...(Array.isArray(clean) ? clean : [clean as PatchOperation]))
    }
    return changed ?? patch
  }

  #operation(operation: PatchOperation, after: unknown): PatchOperation | PatchOperation[] {
    if (typeof operation.path !== 'string') throw new TypeError('an operation has a path')
    const to = this.#findSecret(operation.path)
    const from = 'from' in operation ? this.#findSecret(operation.from) : undefined
    if (to === undefined && from === undefined) {
      if (!this.#paths || !('value' in operation)) return operation
      return this.#withheldValue(operation)
    }
    if (operation.op === 'remove' && to === operation.path) return operation
    const operations: PatchOperation[] = []
    if (operation.op === 'move') {
      if (from === undefined || from === operation.from) operations.push({ op: 'remove', path: operation.from })
      else operations.push(this.#toReplace(from, after))
    }
    if (to === undefined) {
      // A secret goes to a place whose name says nothing: it stays a secret.
      if ('from' in operation)
        operations.push({ op: 'add', path: operation.path, value: this.token(getValue(after, operation.path)) })
    } else if (to !== operation.path) operations.push(this.#toReplace(to, after))
    else {
      const value = 'value' in operation ? operation.value : getValue(after, operation.path)
      operations.push({ op: operation.op === 'replace' ? 'replace' : 'add', path: to, value: this.token(value) })
    }
    return operations
  }

  #withheldValue(operation: Extract<PatchOperation, { value: unknown }>): PatchOperation {
    try {
      const value = this.#paths!.withhold(operation.value, (secret) => this.token(secret), parsePointer(operation.path))
      return value === operation.value ? operation : { ...operation, value }
    } catch {
      return { ...operation, value: this.token(operation.value) }
    }
  }

  #toReplace(path: string, after: unknown): PatchOperation {
    return { op: 'replace', path, value: this.token(getValue(after, path)) }
  }

  /** The pointer's beginning up to the first secret name; undefined when there is none. Looked at in place: for each
   *  operation of each delta. */
  #findSecret(pointer: string): string | undefined {
    if (this.#paths) return this.#findSecretPath(pointer, this.#paths)
    if (this.#keys.size === 0 && !NAME_MARKS.mayBeIn(pointer)) return undefined
    for (let start = 1; start <= pointer.length; ) {
      const slash = pointer.indexOf('/', start)
      const end = slash < 0 ? pointer.length : slash
      if (!isIndex(pointer, start, end) && this.#isSecretSegment(pointer.slice(start, end)))
        return pointer.slice(0, end)
      start = end + 1
    }
    return undefined
  }

  #findSecretPath(pointer: string, paths: SecretPaths): string | undefined {
    const segments = parsePointer(pointer)
    for (let at = 0; at < segments.length; at++) {
      if (!this.#isSecretSegment(segments[at]!) && !paths.matches(segments, at + 1)) continue
      return formatPointer(segments.slice(0, at + 1))
    }
    return undefined
  }

  #isSecretSegment(segment: string): boolean {
    let secret = this.#asked.get(segment)
    if (secret === undefined) {
      if (this.#asked.size >= REMEMBERED) this.#asked.clear()
      this.#asked.set(segment, (secret = this.isSecretKey(segment)))
    }
    return secret
  }

  #replace(text: string, pattern: RegExp): string {
    return text.replace(pattern, (match: string, group: unknown) => {
      if (typeof group !== 'string' || group === '') return this.token(match)
      return match.replace(group, () => this.token(group))
    })
  }

  #ask(fn: (text: string) => string, text: string): string {
    try {
      const clean: unknown = fn(text)
      if (typeof clean === 'string') return clean
      this.#tools.report('redact.fn', `redact.fn returned a ${typeof clean}, not a string; texts are withheld`)
    } catch (error) {
      this.#tools.report('redact.fn', `redact.fn threw (${String(error)}); texts are withheld`)
    }
    return this.token(text)
  }

  /** As long as what it stands for: what is measured in a command line stays right. */
  #scramble(secret: string): string {
    let text = ''
    for (let part = 0; text.length < secret.length; part++) text += this.#hash(`${part}:${secret}`)
    return text.slice(0, secret.length)
  }

  #hash(text: string): string {
    let hash = this.#hashes.get(text)
    if (hash === undefined) {
      hash = this.#tools.hash(this.#key, text)
      if (this.#hashes.size >= REMEMBERED) this.#hashes.clear()
      if (text.length <= LONGEST_REMEMBERED) this.#hashes.set(text, hash)
    }
    return hash
  }
}

/** Equal for equal values as far as JSON can tell. */
function toHashText(value: unknown): string {
  try {
    if (typeof value !== 'object' || value === null) return `${typeof value}:${String(value)}`
    return `object:${JSON.stringify(value)}`
  } catch {
    return `unreadable:${typeof value}`
  }
}

function getValue(after: unknown, pointer: string): unknown {
  return findAt(after, pointer)?.value
}

function isIndex(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code < 48 || code > 57) return false
  }
  return true
}

function toGlobal({ source, flags }: RegExp): RegExp {
  return new RegExp(source, flags.includes('g') ? flags : `${flags}g`)
}

function listSecrets(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value = '']) => {
    return value.length >= SHORTEST_TEXT && isSecretVariable(name) ? [value] : []
  })
}

function toSecretPattern(texts: readonly string[]): RegExp {
  const longestFirst = [...new Set(texts)].sort((a, b) => b.length - a.length)
  return new RegExp(longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'), 'g')
}
