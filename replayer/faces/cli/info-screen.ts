import { EVENT_KINDS, type Event } from '../../../src/events.js'
import type { ProcessInfo, ThreadInfo } from '../../../src/log/reader.js'
import { toCount, toDuration, toPlural, toRelative, toSize } from '../../durations.js'
import type { Recording, RecordingInfo } from '../../recording.js'
import { toUserFrame } from '../../source-lines.js'
import { toProcessWord, toTitle, toWord } from './shell-word.js'
import { paint, toSafeLine } from './terminal.js'

/** Rows of one list that are shown; the rest is counted. */
const ROWS = 12

/** What a recording is, on one screen: how it ended comes first, what to ask next comes last. */
export async function toInfoScreen(recording: Recording, info: RecordingInfo, path: string): Promise<string> {
  const blocks = [
    toHead(info, path),
    await toEndBlock(recording, info),
    toThreadRows(info.threads),
    toProcessRows(info),
    toEventRows(info),
    [...toFidelityRows(info), ...toSourceRows(info)],
    await toNextRows(recording, info, path),
  ]
  return blocks
    .filter((rows) => rows.length > 0)
    .map((rows) => rows.join('\n'))
    .join('\n\n')
}

function toHead(info: RecordingInfo, path: string): string[] {
  const program = info.command ?? info.threads[0]?.record?.argv ?? []
  const record = info.threads[0]?.record
  const on = record ? `, node ${record.node} on ${record.platform}` : ''
  const size =
    info.bytes === null ? 'in memory' : `${toSize(info.bytes)}, ${info.form === 'packed' ? 'packed' : 'a directory'}`
  return [
    `${paint('bold', toSafeLine(toTitle(path)))}  ${toSafeLine(program.map(toWord).join(' '))}`,
    row('recorded', `${info.startedAt}, ${toDuration(info.durationUs)} long${toSafeLine(on)}`),
    row('size', `${size}, ${toPlural(info.events, 'event')}, format ${info.format}`),
  ]
}

const END_WORDS = { exit: 'exited', crash: 'crashed', killed: 'was killed', running: 'still running' } as const

async function toEndBlock(recording: Recording, info: RecordingInfo): Promise<string[]> {
  const { kind, detail, seq } = info.end
  const event = seq === null ? undefined : await recording.event(seq)
  const where = event ? ` at ${event.seq} (${toRelative(event.timeUs)}), thread ${toPath(info, event)}` : ''
  const style = kind === 'crash' || kind === 'killed' ? 'red' : 'green'
  const rows = [row('ended', `${paint(style, END_WORDS[kind])}${where}`), row('', toSafeLine(detail))]
  const frame = event && findCrashFrame(info, event)
  if (frame) rows.push(row('', `at ${paint('bold', toSafeLine(frame))}`))
  return rows
}

function findCrashFrame(info: RecordingInfo, event: Event): string | null {
  if (event.kind !== 'process' || event.body.op !== 'crash') return null
  const frame = toUserFrame(event.body.error?.stack ?? '')
  const cwd = info.threads.find(({ no }) => no === event.thread)?.record?.cwd
  // On another machine than the one that recorded, no path lies under the current directory.
  return cwd && frame?.startsWith(`${cwd}/`) ? frame.slice(cwd.length + 1) : frame
}

function toPath(info: RecordingInfo, event: Event): string {
  return info.threads.find(({ no }) => no === event.thread)?.path ?? String(event.thread)
}

function toThreadRows(threads: readonly ThreadInfo[]): string[] {
  const rows = threads.slice(0, ROWS).map(({ path, record, events, turns, ended }) => {
    const type = record ? `${record.type} ${record.pid}` : ''
    const end = ended ?? 'no end recorded'
    return toSafeLine(
      `${path.padEnd(8)}  ${type.padEnd(14)}  ${toPlural(events, 'event').padStart(14)}  ${toPlural(turns, 'turn').padStart(12)}  ${end}`,
    )
  })
  return toRows('threads', rows, threads.length)
}

function toProcessRows(info: RecordingInfo): string[] {
  const processes = info.processes.filter(({ subject }) => subject !== 0)
  const requests = processes.filter(({ type }) => type === 'request')
  const rows = processes.flatMap((process) => {
    if (process.type === 'request') return process === requests[0] ? [toRequestRow(requests)] : []
    const kind = `${process.type}${process.channel ? ` ${process.channel.transport}` : process.adapter ? ` ${process.adapter}` : ''}`
    return [toSafeLine(`${process.name.padEnd(20)}  ${process.pid.padEnd(9)}  ${kind}${toLife(process)}`)]
  })
  return toRows('processes', rows.slice(0, ROWS), rows.length)
}

/** A server has thousands of them: one row for all. */
function toRequestRow(requests: readonly ProcessInfo[]): string {
  const [first, last] = [requests[0]!, requests.at(-1)!]
  const names = requests.length === 1 ? first.name : `${first.name} … ${last.name}`
  return toSafeLine(`${names.padEnd(20)}  ${''.padEnd(9)}  ${toPlural(requests.length, 'request')}`)
}

function toLife(process: ProcessInfo): string {
  return process.endedAt === null ? '' : `, ended at ${process.endedAt}`
}

function toEventRows(info: RecordingInfo): string[] {
  const counts = EVENT_KINDS.filter((kind) => info.counts[kind] > 0).map(
    (kind) => `${kind} ${toCount(info.counts[kind])}`,
  )
  const gaps = info.gaps.map(
    ({ reason, count, from, to, detail }) =>
      `${paint('yellow', 'gap')} ${count === null ? 'some events' : toPlural(count, 'event')} ${toSafeLine(reason)}, between ${from} and ${to}${detail ? `: ${toSafeLine(detail)}` : ''}`,
  )
  const derived = info.derived > 0 ? [row('', `and ${toPlural(info.derived, 'event')} derived by re-execution`)] : []
  return [row('events', counts.join(', ') || 'none'), ...derived, ...toRows('', gaps, gaps.length)]
}

function toFidelityRows(info: RecordingInfo): string[] {
  const sessions = info.sessions.map(({ name, fidelity, deliveries, opened }) => {
    const why = opened === null ? '' : `, because of ${opened}`
    return toSafeLine(`session ${name}: ${fidelity}${why}, ${toPlural(deliveries, 'delivery').replace(/ys$/, 'ies')}`)
  })
  const notes = info.fidelityNotes.map(toSafeLine)
  return toRows('fidelity', [info.fidelity, ...notes, ...sessions], 2 + notes.length + sessions.length - 1)
}

function toSourceRows({ sources }: RecordingInfo): string[] {
  const { files, bytes, missing } = sources
  if (files === 0) return []
  const left = missing === 0 ? '' : `; ${toCount(missing)} of them not in it: a replay needs these files here`
  return [row('sources', `${toPlural(files, 'file')}, ${toSize(bytes)}${left}`)]
}

/** Commands to paste: about this recording, not about recordings in general. */
async function toNextRows(recording: Recording, info: RecordingInfo, path: string): Promise<string[]> {
  const file = toWord(path)
  const at = info.end.kind === 'crash' ? ' --at crash' : ''
  const commands = [`events ${file} ${info.end.kind === 'crash' ? '--to crash --reverse' : '--reverse'} --limit 20`]
  const change = await findLastChange(recording, info)
  if (change) {
    commands.push(`state ${file} ${change.container}${at}`)
    commands.push(`why ${file} ${change.container} ${toWord(change.pointer)}${at}`)
  }
  commands.push(`step ${file}${at}`)
  const session = info.sessions.find(({ fidelity }) => fidelity === 'replayable')
  // What channels and containers did can be derived where only their inputs were recorded.
  const trace = info.derived === 0 && info.threads.some(({ record }) => record?.level === 'off') ? ' --trace' : ''
  if (info.fidelity === 'replayable') commands.push(`replay ${file}${trace}`)
  if (session) commands.push(`replay ${file} --session ${toWord(session.name)}`)
  return toRows(
    'next',
    commands.map((command) => toSafeLine(`retroscope ${command}`)),
    commands.length,
  )
}

async function findLastChange(
  recording: Recording,
  info: RecordingInfo,
): Promise<{ container: string; pointer: string } | undefined> {
  const to = info.end.kind === 'crash' ? { to: 'crash' } : {}
  for await (const event of recording.events({ ...to, kinds: ['state'], reverse: true })) {
    if (event.kind !== 'state' || event.body.op !== 'delta' || event.body.patch.length === 0) continue
    const owner = info.processes.find(({ pid }) => pid === event.pid)
    if (!owner) continue
    const twin = info.processes.some(({ name, thread }) => name === owner.name && thread !== owner.thread)
    const pointer = event.body.patch.find(({ op }) => op !== 'test' && op !== 'remove')?.path ?? ''
    return {
      container: toProcessWord(twin ? owner.pid : owner.name, owner),
      pointer: /^[^#<>]*$/.test(pointer) ? pointer : '',
    }
  }
  return undefined
}

function toRows(title: string, rows: readonly string[], total: number): string[] {
  const more = total - rows.length
  const shown = more > 0 ? [...rows, `and ${toCount(more)} more`] : rows
  return shown.map((text, index) => row(index === 0 ? title : '', text))
}

function row(title: string, text: string): string {
  return `${paint('gray', title.padEnd(10))} ${text}`
}
