import { preview } from '../../../src/values/preview.js'
import { toRelative } from '../../durations.js'
import { type EventName, toEventBefore, toEventName } from '../../event-names.js'
import { toText } from '../../event-text.js'
import type { Evidence, Recording, WhyAnswer, WhyLink } from '../../recording.js'
import { EventNames, toEventJson } from './event-line.js'
import { cut, getWidth } from './output.js'
import { toProcessWord, toWord } from './shell-word.js'
import { paint, toSafeLine } from './terminal.js'

type Answer = Extract<WhyAnswer, { ok: true }>

/** Evidence in the words of DESIGN §7. */
const EVIDENCE: Readonly<Record<Evidence, string>> = {
  recorded: 'recorded',
  derived: 'derived by an exact re-execution',
  verified: 'verified by re-execution',
  equal: 'same value, no proof',
  temporal: 'earlier, no proof',
}

const VALUE_LENGTH = 200

/** The chain, the last writer first, each link with its evidence; then where it ends, hints, and what to ask next. */
export function* toWhyText(recording: Recording, answer: Answer, path: string): Generator<string> {
  const names = new EventNames(recording.getProcesses(), recording.getThreads())
  const place = answer.pointer === '' ? 'the state' : answer.pointer
  yield toSafeLine(`${answer.container.name} ${place} is ${show(answer.value)}, before it was ${show(answer.before)}`)
  yield ''
  for (const [index, link] of answer.chain.entries()) yield* toLinkText(link, index, names)
  yield ''
  yield answer.ends === 'root'
    ? `${paint('green', 'The chain is complete')}: it ends at a root input.`
    : `${paint('yellow', 'Unknown from here on')}: ${toSafeLine(answer.unknown ?? 'the log does not say')}.`
  yield* toHints(answer)
  yield ''
  yield `Look closer:  ${toNext(recording, answer, path)}`
}

function* toLinkText(link: WhyLink, index: number, names: EventNames): Generator<string> {
  const { event, how, evidence } = link
  const arrow = index === 0 ? ' ' : '←'
  const head = `${arrow} ${toEventName(event).padStart(6)}  ${toRelative(event.timeUs).padStart(9)}  `
  const what = `${names.nameOf(event)}  ${event.kind}  ${toText(event)}`
  yield `${paint('bold', head)}${cut(toSafeLine(what), getWidth() - head.length)}`
  yield paint('gray', `${' '.repeat(head.length)}${toSafeLine(how)} (${EVIDENCE[evidence]})`)
}

function* toHints(answer: Answer): Generator<string> {
  if (answer.ends !== 'root') return
  const root = toEventName(answer.chain.at(-1)!.event)
  if (answer.equal.length === 0) {
    yield `No equal value stands in the payload of ${root}.`
    return
  }
  const places = answer.equal.map(({ pointer }) => pointer || '(the whole payload)').join(', ')
  const many = answer.equal.length > 1 ? `${answer.equal.length} places` : 'one place'
  yield toSafeLine(`An equal value stands at ${many} of the payload of ${root}: ${places}. A hint, no cause.`)
}

function toNext(recording: Recording, answer: Answer, path: string): string {
  const writer = answer.chain[0]!.event
  const twins = recording
    .getProcesses()
    .filter(({ name, thread }) => name === answer.container.name && thread !== answer.container.thread)
  const name = twins.length > 0 ? answer.container.pid : answer.container.name
  const container = toProcessWord(name, answer.container)
  return `retroscope diff ${toWord(path)} ${container} --from ${toEventBefore(writer)} --to ${toEventName(writer)}`
}

function show(value: unknown): string {
  return value === undefined ? 'absent' : preview(value, VALUE_LENGTH)
}

/** The answer as `--json` prints it. */
export function toWhyJson(recording: Recording, answer: Answer, at: EventName): Record<string, unknown> {
  const names = new EventNames(recording.getProcesses(), recording.getThreads())
  const { container, pointer, value, before, chain, ends, unknown, equal } = answer
  return {
    ok: true,
    container: container.name,
    pid: container.pid,
    pointer,
    at,
    value,
    before,
    chain: chain.map(({ event, evidence, how }) => ({ evidence, how, event: toEventJson(event, names) })),
    ends,
    unknown,
    equal,
  }
}
