import type { Position } from './cursor.js'
import { type TreeRow, toRows } from './tree.js'

/** A question in the bottom line; `submit` gets what was typed. */
export interface Prompt {
  readonly label: string
  readonly text: string
  readonly submit: (text: string) => Promise<void>
}

/** What the screen shows. The keys change it; the view draws it and nothing else. */
export interface Model {
  readonly title: string
  position: Position
  focus: 'events' | 'tree'
  watch: string | null
  prompt: Prompt | null
  message: string
  help: boolean
  search: string
  row: number
  readonly opened: Set<string>
  readonly closed: Set<string>
}

export function createModel(title: string, position: Position, watch: string | null): Model {
  return {
    title,
    position,
    focus: 'events',
    watch,
    prompt: null,
    message: '',
    help: false,
    search: '',
    row: 0,
    opened: new Set(),
    closed: new Set(),
  }
}

/** The rows of the state at the cursor; empty when there is no state to show. */
export function toTree({ position, opened, closed, watch }: Model): TreeRow[] {
  const { state, changed } = position
  if (!state?.ok) return []
  const open = new Set(opened)
  if (watch) for (const pointer of toAncestors(watch)) open.add(pointer)
  return toRows(state.state, { opened: open, closed, changed })
}

/** Takes the cursor of the tree to the first change, so that a step lands where something happened. */
export function focusChange(model: Model): void {
  const rows = toTree(model)
  const changed = rows.findLastIndex(({ changed, pointer }) => changed && model.position.changed.includes(pointer))
  if (changed >= 0) model.row = changed
  model.row = Math.max(0, Math.min(model.row, rows.length - 1))
}

export function toggleRow(model: Model): void {
  const row = toTree(model)[model.row]
  if (!row?.branch) return
  model.opened.delete(row.pointer)
  model.closed.delete(row.pointer)
  if (row.open) model.closed.add(row.pointer)
  else model.opened.add(row.pointer)
}

function toAncestors(pointer: string): string[] {
  const parts = pointer.split('/')
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'))
}
