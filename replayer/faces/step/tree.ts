import { preview } from '../../../src/values/preview.js'

/** One visible line of a state tree. */
export interface TreeRow {
  readonly pointer: string
  readonly depth: number
  readonly label: string
  /** One-line text of a leaf or of a closed branch; empty for an open one. */
  readonly text: string
  readonly branch: boolean
  readonly open: boolean
  /** Written by the event at the cursor, or something below it was. */
  readonly changed: boolean
}

export interface TreeQuery {
  /** Pointers of branches that are open beside those that lead to a change. */
  readonly opened: ReadonlySet<string>
  readonly closed: ReadonlySet<string>
  readonly changed: readonly string[]
  /** Most rows of one branch; the rest is one line that says how many more. */
  readonly most?: number
}

const MOST_PER_BRANCH = 200

/** Lays a state out as rows: branches that lead to a change are open, others as the reader left them. */
export function toRows(state: unknown, query: TreeQuery): TreeRow[] {
  const rows: TreeRow[] = []
  addRow(rows, { label: 'state', pointer: '', value: state, depth: 0 }, query)
  return rows
}

interface Node {
  readonly label: string
  readonly pointer: string
  readonly value: unknown
  readonly depth: number
}

function addRow(rows: TreeRow[], { label, pointer, value, depth }: Node, query: TreeQuery): void {
  const branch = isBranch(value)
  const leads = query.changed.some((path) => path === pointer || path.startsWith(`${pointer}/`))
  const below = query.changed.some((path) => path !== pointer && path.startsWith(`${pointer}/`))
  const open = branch && !query.closed.has(pointer) && (depth === 0 || below || query.opened.has(pointer))
  const changed = leads || query.changed.some((path) => pointer.startsWith(`${path}/`))
  rows.push({ pointer, depth, label, text: open ? '' : preview(value, 120), branch, open, changed })
  if (!open) return
  const most = query.most ?? MOST_PER_BRANCH
  const entries = Object.entries(value)
  // A change deep in a long list is shown even where the list itself is cut.
  const shown = entries.filter(([key], i) => i < most || isOnPath(`${pointer}/${toSegment(key)}`, query.changed))
  for (const [key, child] of shown) {
    addRow(rows, { label: key, pointer: `${pointer}/${toSegment(key)}`, value: child, depth: depth + 1 }, query)
  }
  if (shown.length < entries.length) {
    const text = `${entries.length - shown.length} more`
    rows.push({ pointer, depth: depth + 1, label: '…', text, branch: false, open: false, changed: false })
  }
}

function isBranch(value: unknown): value is object {
  if (Array.isArray(value)) return value.length > 0
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.keys(value).length > 0
}

function isOnPath(pointer: string, changed: readonly string[]): boolean {
  return changed.some((path) => path === pointer || path.startsWith(`${pointer}/`))
}

function toSegment(key: string): string {
  return key.replace(/~/g, '~0').replace(/\//g, '~1')
}
