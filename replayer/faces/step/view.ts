import { toRelative } from '../../durations.js'
import { toEventName } from '../../event-names.js'
import { toText } from '../../event-text.js'
import type { Position } from './cursor.js'
import { type Model, toTree } from './model.js'
import { fit, paint } from './text.js'
import type { TreeRow } from './tree.js'

const KEYS = '←→ step  PgUp/PgDn ×10  n/N change  w watch  g go to  / search  c container  Tab tree  ? help  q quit'

const HELP = [
  'Step                                   Look',
  '  → l space    next event                Tab          between events and state tree',
  '  ← h          previous event            ↑ ↓          move in the list that has the focus',
  '  PgDn PgUp    ten events                Enter        open or close a branch of the tree',
  '  Home End     first, last event         c C          next, previous container',
  '',
  'Find                                   Leave',
  '  n N          next, previous change     q Ctrl-C     quit',
  '               of the watched pointer    Ctrl-Z       suspend',
  '  w            watch a pointer (empty: the whole state; in the tree: the row)',
  '  g            go to a moment: 812, @55, +3.2s, -2s, an ISO time, start, end, crash',
  '  / f F        search text in events, next, previous hit',
  '',
  'Any key closes this page.',
]

/** Draws the whole screen as exactly `rows` lines of `columns` cells. */
export function toScreen(
  model: Model,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  if (columns < 40 || rows < 10) return [fit(`The stepper needs 40×10 cells; here are ${columns}×${rows}.`, columns)]
  const body = rows - 3
  const left = Math.floor((columns - 1) * 0.55)
  const right = columns - 1 - left
  const middle = model.help
    ? Array.from({ length: body }, (_, i) => fit(` ${HELP[i] ?? ''}`, columns))
    : zip(toLeft(model, left, body), toRight(model, right, body))
  return [toHeader(model, columns), ...middle, toStatus(model, columns), paint(fit(KEYS, columns), 'dim')]
}

/** Lines that the list of events has at this height, for whoever loads them. */
export function toEventRows(rows: number): number {
  return Math.max(3, rows - 3)
}

function zip(left: readonly string[], right: readonly string[]): string[] {
  return left.map((line, i) => `${line}${paint('│', 'dim')}${right[i] ?? ''}`)
}

function toHeader({ title, position, watch }: Model, columns: number): string {
  const { event, end, container } = position
  const where = `seq ${toEventName(event)} of ${end}  ${toRelative(event.timeUs)}  thread ${event.thread} turn ${event.turn}`
  const what = container
    ? `state of ${container.name}${watch === null ? '' : `, watching ${watch || 'all of it'}`}`
    : ''
  return paint(fit(` ${title}  ${where}  ${what}`, columns), 'inverse')
}

function toStatus({ prompt, message }: Model, columns: number): string {
  if (prompt) return fit(`${prompt.label} ${prompt.text}▏`, columns)
  return paint(fit(message, columns), 'yellow')
}

function toLeft(model: Model, width: number, height: number): string[] {
  const { position } = model
  const causes = Math.min(position.causes.length, Math.max(2, Math.floor(height / 3)))
  const events = height - causes - 1
  return [
    ...toEvents(position, width, events, model.focus === 'events'),
    paint(fit(`─ because of ${'─'.repeat(width)}`, width), 'dim'),
    ...toCauses(position, width, causes),
  ]
}

function toEvents(position: Position, width: number, height: number, focused: boolean): string[] {
  // Half of the list lies behind the cursor, and more where the recording ends.
  const above = Math.min(position.before.length, Math.max(Math.floor(height / 2), height - 1 - position.after.length))
  const before = position.before.slice(position.before.length - above)
  const shown = [...before, position.event, ...position.after].slice(0, height)
  const lines = shown.map((event) => {
    const sign = event === position.event ? '▶' : ' '
    const who = fit(position.names.get(event.pid) ?? event.pid, 10)
    const line = fit(`${sign} ${toEventName(event)}  ${toRelative(event.timeUs)}  ${who}  ${toText(event)}`, width)
    if (event === position.event) return focused ? paint(line, 'bold', 'inverse') : paint(line, 'bold')
    return event.kind === 'process' && event.body.op === 'crash' ? paint(line, 'red') : line
  })
  return pad(lines, width, height)
}

function toCauses({ causes }: Position, width: number, height: number): string[] {
  const lines = causes
    .slice(1, height + 1)
    .map(({ event, how }) => fit(`← ${toEventName(event)}  ${how}: ${toText(event)}`, width))
  if (causes.length <= 1)
    lines.push(paint(fit('nothing that the recording knows of: a root, or unknown', width), 'dim'))
  return pad(lines, width, height).slice(0, height)
}

function toRight(model: Model, width: number, height: number): string[] {
  const { state, container } = model.position
  if (!container) return pad([fit(' no container was recorded', width)], width, height)
  if (!state?.ok) {
    const why = state ? `${state.error}: ${state.detail}` : ''
    return pad([fit(` no state here (${why})`, width)], width, height)
  }
  const rows = toTree(model)
  const top = Math.max(0, Math.min(model.row - Math.floor(height / 2), rows.length - height))
  const lines = rows.slice(top, top + height).map((row, i) => toTreeLine(row, width, { model, at: top + i }))
  return pad(lines, width, height)
}

function toTreeLine(
  row: TreeRow,
  width: number,
  { model, at }: { readonly model: Model; readonly at: number },
): string {
  const sign = row.branch ? (row.open ? '▾' : '▸') : ' '
  const watched = model.watch !== null && model.watch === row.pointer && row.label !== '…' ? '◉' : ' '
  const mark = row.changed ? '●' : ' '
  const line = fit(
    `${mark}${watched}${'  '.repeat(row.depth)}${sign} ${row.label}${row.text ? `: ${row.text}` : ''}`,
    width,
  )
  if (model.focus === 'tree' && at === model.row) return paint(line, 'inverse')
  return row.changed ? paint(line, 'green', 'bold') : line
}

function pad(lines: readonly string[], width: number, height: number): string[] {
  const blank = ' '.repeat(Math.max(0, width))
  return Array.from({ length: height }, (_, i) => lines[i] ?? blank)
}
