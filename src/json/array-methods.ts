import type { PatchOperation } from '../events.js'
import { cloneValue } from './clone.js'
import { diff } from './diff.js'
import { getInfo, link, toRaw, unlink } from './graph.js'
import type { Report } from './tracker.js'
import { toRemovals, toTracked } from './traps.js'

type Run = (raw: unknown[], args: unknown[], report: Report, proxy: unknown) => unknown

/** An array method as tracked arrays answer with it. */
export interface ArrayMethod {
  readonly original: Function
  toWrapper(report: Report): Function
}

/** The methods that write, told with the fewest operations, and the searches, which find a value by its proxy or itself. */
export const ARRAY_METHODS: Readonly<Record<string, ArrayMethod | undefined>> = Object.assign(
  Object.create(null) as Record<string, ArrayMethod>,
  {
    push: toMethod('push', (raw, args, report) => insert(raw, raw.length, args, report, 'push')),
    unshift: toMethod('unshift', (raw, args, report) => insert(raw, 0, args, report, 'unshift')),
    pop: toMethod('pop', (raw, _args, report) => splice(raw, [Math.max(0, raw.length - 1), 1], report, 'pop')[0]),
    shift: toMethod('shift', (raw, _args, report) => splice(raw, [0, 1], report, 'shift')[0]),
    splice: toMethod('splice', (raw, args, report) => splice(raw, args, report, 'splice')),
    sort: toMethod('sort', sort),
    reverse: toMethod('reverse', (raw, _args, report, proxy) =>
      rearrange(raw, report, 'reverse', proxy, () => Array.prototype.reverse.call(raw)),
    ),
    fill: toMethod('fill', (raw, args, report, proxy) =>
      rearrange(raw, report, 'fill', proxy, () => Array.prototype.fill.apply(raw, args as [unknown])),
    ),
    copyWithin: toMethod('copyWithin', (raw, args, report, proxy) =>
      rearrange(raw, report, 'copyWithin', proxy, () =>
        Array.prototype.copyWithin.apply(raw, args as [number, number]),
      ),
    ),
    includes: toMethod('includes', (raw, args) => Array.prototype.includes.apply(raw, args as [unknown])),
    indexOf: toMethod('indexOf', (raw, args) => Array.prototype.indexOf.apply(raw, args as [unknown])),
    lastIndexOf: toMethod('lastIndexOf', (raw, args) => Array.prototype.lastIndexOf.apply(raw, args as [unknown])),
  },
)

function toMethod(name: string, run: Run): ArrayMethod {
  const original = (Array.prototype as unknown as Record<string, Function>)[name] as Function
  let wrapper: Function | undefined
  return {
    original,
    toWrapper(report) {
      wrapper ??= function (this: unknown, ...args: unknown[]): unknown {
        const raw = toRaw(this)
        if (raw === this || !Array.isArray(raw)) return original.apply(this, args)
        return run(raw, args.map(toRaw), report, this)
      }
      return wrapper
    },
  }
}

function isOdd(raw: unknown[]): boolean {
  return getInfo(raw)?.odd ?? false
}

function insert(raw: unknown[], at: number, values: unknown[], report: Report, trigger: string): number {
  if (values.length === 0) return raw.length
  if (at === raw.length) for (const value of values) raw.push(value)
  else raw.splice(at, 0, ...values)
  values.forEach((value, n) => {
    link(value, raw, String(at + n))
  })
  if (isOdd(raw)) report(raw, undefined, trigger)
  else {
    const copies = values.map(cloneValue)
    report(raw, (path) => copies.map((value, n) => ({ op: 'add', path: `${path}/${at + n}`, value })), trigger)
  }
  return raw.length
}

function splice(raw: unknown[], args: unknown[], report: Report, trigger: string): unknown[] {
  const before = raw.length
  const gone = Array.prototype.splice.apply(raw, args as [number, number]) as unknown[]
  const values = args.slice(2)
  if (gone.length === 0 && values.length === 0) return gone
  const start = toStart(args[0], before)
  values.forEach((value, n) => {
    link(value, raw, String(start + n))
  })
  for (const value of gone) unlink(value)
  if (isOdd(raw)) report(raw, undefined, trigger)
  else {
    const copies = values.map(cloneValue)
    report(raw, (path) => toSpliced(path, start, gone, values, copies), trigger)
  }
  return gone.map((value) => toTracked(value, report))
}

/** Where `splice` began, as the language says (ECMA-262, RelativeIndex). */
function toStart(argument: unknown, length: number): number {
  const start = Math.trunc(Number(argument)) || 0
  return start < 0 ? Math.max(0, length + start) : Math.min(start, length)
}

function toSpliced(
  path: string,
  start: number,
  gone: readonly unknown[],
  values: readonly unknown[],
  copies: readonly unknown[],
): PatchOperation[] {
  const operations = toRemovals(path, start + gone.length, start + Math.min(gone.length, values.length))
  for (let n = 0; n < values.length; n++) {
    const place = `${path}/${start + n}`
    if (n >= gone.length) operations.push({ op: 'add', path: place, value: copies[n] })
    else if (!Object.is(gone[n], values[n])) operations.push({ op: 'replace', path: place, value: copies[n] })
  }
  return operations
}

function sort(raw: unknown[], args: unknown[], report: Report, proxy: unknown): unknown {
  const compare = args[0] as ((a: unknown, b: unknown) => number) | undefined
  const seen =
    typeof compare === 'function'
      ? (a: unknown, b: unknown) => compare(toTracked(a, report), toTracked(b, report))
      : compare
  return rearrange(raw, report, 'sort', proxy, () => Array.prototype.sort.call(raw, seen))
}

/** Runs what may put anything anywhere, and tells the difference by identity: O(length), as the method itself. */
function rearrange(raw: unknown[], report: Report, trigger: string, proxy: unknown, run: () => void): unknown {
  const before = raw.slice()
  try {
    run()
  } finally {
    for (const value of raw) link(value, raw, '')
    for (const value of before) unlink(value)
    if (isOdd(raw)) report(raw, undefined, trigger)
    else {
      const operations = diff(before, raw)
      if (operations.length > 0) {
        report(raw, (path) => operations.map((operation) => settleAt(path, operation, raw)), trigger)
      }
    }
  }
  return proxy
}

/** The operation at the place of the array, with a copy of its value. */
function settleAt(path: string, operation: PatchOperation, raw: unknown[]): PatchOperation {
  const at = path + operation.path
  if ('value' in operation)
    return { ...operation, path: at, value: cloneValue(operation.path === '' ? raw : operation.value) }
  return 'from' in operation ? { ...operation, path: at, from: path + operation.from } : { ...operation, path: at }
}
