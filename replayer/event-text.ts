import { assertNever } from '../src/errors.js'
import type { ErrorRecord, Event, EventOf, Patch, PatchOperation, ProcessBody } from '../src/events.js'
import { preview } from '../src/values/preview.js'
import { toDuration } from './durations.js'

/** How long a value's preview may get in the text of one event. */
const PREVIEW_LENGTH = 160

/** Operations that are spelled out; more are counted. */
const OPERATIONS = 4

/** What happened, in one line without time, process and seq: `send 3 {"sku":"a"}`, `replace /total 40`. This is the
 *  text that `--match` looks at, after the kind and the process's name. Foreign text in it is not made safe yet. */
export function toText(event: Event): string {
  const notes = [event.late ? 'late' : '', event.coalesced ? 'coalesced' : '', event.unpaired ? 'unpaired' : '']
    .filter(Boolean)
    .map((note) => ` [${note}]`)
  return `${toBodyText(event)}${notes.join('')}`
}

function toBodyText(event: Event): string {
  switch (event.kind) {
    case 'process':
      return toProcessText(event.body)
    case 'message':
      return toMessageText(event)
    case 'state':
      return toStateText(event)
    case 'call':
      return toCallText(event)
    case 'delivery':
      return toDeliveryText(event)
    case 'values':
      return event.body.values
        .map(
          ([call, result]) =>
            `${call} ${typeof result === 'string' && event.subject === 0 ? result : preview(result, 40)}`,
        )
        .join(', ')
    case 'output':
      return `${event.body.op} ${event.body.target ?? ''} ${event.body.bytes ?? event.body.code ?? ''}`.trim()
    case 'mark':
      return event.body.data === undefined ? event.body.text : `${event.body.text} ${show(event.body.data)}`
    case 'gap':
      return `${event.body.count ?? 'some'} events missing: ${event.body.reason}${event.body.detail ? `, ${event.body.detail}` : ''}`
    default:
      return assertNever(event)
  }
}

function toProcessText(body: ProcessBody): string {
  switch (body.op) {
    case 'spawn':
      return `spawn ${body.type} ${body.name}${toSpawnDetail(body)}`
    case 'exit':
      return `exit${toEnd(body.code, body.signal)}${body.reason ? `, ${body.reason}` : ''}`
    case 'crash':
      return `crash ${body.reason}${body.error ? `: ${toErrorText(body.error)}` : ''}`
    case 'restart':
      return `restart ${body.reason}`
    case 'link':
      return `link to ${body.to}`
    case 'register':
      return `register ${body.name}`
    case 'child':
      return `child ${body.path} (${body.type === 'worker' ? 'worker' : 'process'}): ${body.command}${body.unrecorded ? `, not recorded: ${body.unrecorded}` : ''}`
    case 'childExit':
      return `child ${body.path} ended${toEnd(body.code, body.signal)}${body.error ? `: ${toErrorText(body.error)}` : ''}`
    case 'observed':
      return `observed: ${body.call} reached outside the session`
    case 'assumed':
      return `assumed: ${body.call} is not known; what it answered is recorded`
    default:
      return assertNever(body)
  }
}

function toSpawnDetail(body: Extract<ProcessBody, { op: 'spawn' }>): string {
  if (body.thread) return ` (${body.thread.type}, pid ${body.thread.pid}, node ${body.thread.node})`
  if (body.channel) return ` (${body.channel.transport}, end ${body.channel.end})`
  if (body.session) return ` (${body.session.module})`
  return body.adapter ? ` (${body.adapter})` : ''
}

function toEnd(code: number | null, signal: string | undefined): string {
  if (signal) return ` on ${signal}`
  return code === null ? '' : ` code ${code}`
}

/** `TypeError: total is not a number (ERR_X)` */
export function toErrorText(error: ErrorRecord): string {
  return `${error.name}: ${error.message}${error.code ? ` (${error.code})` : ''}`
}

function toMessageText({ body }: EventOf<'message'>): string {
  const head = `${body.op} ${body.n}${body.event ? ` ${body.event}` : ''}`
  if (body.op !== 'handled') return `${head} ${show(body.payload)}`
  const time = body.handleUs === undefined ? '' : ` in ${toDuration(body.handleUs)}`
  return `${head}${time}${body.error ? `, threw ${toErrorText(body.error)}` : ''}`
}

function toStateText({ body }: EventOf<'state'>): string {
  switch (body.op) {
    case 'init':
      return `init ${show(body.state)}`
    case 'delta':
      return `${toPatchText(body.patch)}${toTrigger(body.trigger)}`
    case 'keyframe':
      return `whole state ${show(body.state)}${toTrigger(body.trigger)}`
    case 'final':
      return 'final'
    default:
      return assertNever(body)
  }
}

function toTrigger(trigger: unknown): string {
  return trigger === undefined ? '' : ` by ${show(trigger)}`
}

/** `replace /total 40, add /items/0 {…}, 3 more operations` */
export function toPatchText(patch: Patch): string {
  if (patch.length === 0) return 'no change'
  const shown = patch.slice(0, OPERATIONS).map(toOperationText)
  const more = patch.length - shown.length
  return `${shown.join(', ')}${more > 0 ? `, ${more} more` : ''}`
}

/** `replace /total 40` */
export function toOperationText(operation: PatchOperation): string {
  const path = operation.path === '' ? '(whole)' : operation.path
  if ('from' in operation) return `${operation.op} ${operation.from} to ${path}`
  return 'value' in operation ? `${operation.op} ${path} ${show(operation.value)}` : `${operation.op} ${path}`
}

function toCallText({ body }: EventOf<'call'>): string {
  if (body.op === 'enter') return `${body.name}(${(body.args ?? []).map(show).join(', ')})`
  const time = body.durationUs === undefined ? '' : ` in ${toDuration(body.durationUs)}`
  if (body.op === 'throw') return `${body.name} threw ${body.error ? toErrorText(body.error) : ''}${time}`
  return `${body.name} ${body.op === 'settle' ? 'settled' : 'returned'} ${show(body.result)}${time}`
}

function toDeliveryText({ body }: EventOf<'delivery'>): string {
  switch (body.op) {
    case 'mount':
      return 'mount'
    case 'message':
      return `message ${body.n} of process ${body.channel}`
    case 'timer':
      return `timer ${body.timer}`
    case 'native':
      return `${body.call ?? 'native'} ${body.detail ?? ''}`.trimEnd()
    default:
      return assertNever(body)
  }
}

function show(value: unknown): string {
  return preview(value, PREVIEW_LENGTH)
}
