import type { RecordTools, ReplayTools } from './handles.js'
import type { Holder, Native } from './internals.js'
import { replace } from './synchronous.js'

interface Parsers {
  readonly parser: Holder
  readonly list: Holder
}

function findParsers({ internals }: RecordTools | ReplayTools): Parsers {
  const binding = internals.binding('http_parser')
  return {
    parser: (binding['HTTPParser'] as { prototype: Holder }).prototype,
    list: (binding['ConnectionsList'] as { prototype: Holder }).prototype,
  }
}

const QUESTIONS = ['all', 'idle', 'active', 'expired']

/** The connections of an HTTP server: the native side keeps them sorted by time and address, so what it answers is
 *  recorded. Parsing itself is the same in every run. */
export function record(tools: RecordTools): void {
  const { tape, numbering } = tools
  const { parser, list } = findParsers(tools)
  numberParsers(parser, (one) => numbering.of(one, tape.turn))
  for (const name of QUESTIONS) {
    const original = list[name] as Native
    const code = tape.code(`ConnectionsList.${name}`)
    replace(list, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on as they are
      const found = Reflect.apply(original, this, arguments) as object[]
      tape.begin(code)
      tape.result()
      tape.value(found.map((one) => numbering.of(one, tape.turn)))
      tape.end()
      return found
    })
  }
}

export function replay(tools: ReplayTools): void {
  const { tape, numbering } = tools
  const { parser, list } = findParsers(tools)
  numberParsers(parser, (one) => numbering.of(one))
  for (const name of QUESTIONS) {
    const code = tape.code(`ConnectionsList.${name}`)
    replace(list, name, () => {
      tape.begin(code)
      tape.result()
      const numbers = tape.value() as number[]
      tape.end()
      return numbers.map((number) => tape.find(number))
    })
  }
}

function numberParsers(parser: Holder, number: (parser: object) => number): void {
  const initialize = parser['initialize'] as Native
  replace(parser, 'initialize', function (this: object): unknown {
    number(this)
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(initialize, this, arguments)
  })
}
