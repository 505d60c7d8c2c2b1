/** A board of 2048: sixteen cells, 0 for an empty one. */
export type Board = readonly number[]
export type Direction = 'left' | 'right' | 'up' | 'down'

export const DIRECTIONS: readonly Direction[] = ['left', 'right', 'up', 'down']
export const EMPTY: Board = Array.from({ length: 16 }, () => 0)

/** Slides and merges. The same board back means that the move was not possible. */
export function slide(board: Board, direction: Direction): { readonly board: Board; readonly gained: number } {
  const next = [...board]
  let gained = 0
  for (const line of toLines(direction)) {
    const tiles = line.map((cell) => board[cell] ?? 0).filter((tile) => tile > 0)
    const merged: number[] = []
    for (let i = 0; i < tiles.length; i++) {
      const tile = tiles[i] ?? 0
      if (tile === tiles[i + 1]) {
        merged.push(tile * 2)
        gained += tile * 2
        i++
      } else merged.push(tile)
    }
    line.forEach((cell, i) => {
      next[cell] = merged[i] ?? 0
    })
  }
  return next.every((tile, cell) => tile === board[cell]) ? { board, gained: 0 } : { board: next, gained }
}

/** Puts a tile (2, or one time in ten 4) on an empty cell. */
export function spawn(board: Board, random: () => number): Board {
  const empty = board.flatMap((tile, cell) => (tile === 0 ? [cell] : []))
  const cell = empty[Math.floor(random() * empty.length)]
  return cell === undefined ? board : board.with(cell, random() < 0.9 ? 2 : 4)
}

export function isStuck(board: Board): boolean {
  return DIRECTIONS.every((direction) => slide(board, direction).board === board)
}

function toLines(direction: Direction): number[][] {
  const rows = [0, 1, 2, 3].map((row) => [0, 1, 2, 3].map((column) => row * 4 + column))
  const columns = [0, 1, 2, 3].map((column) => [0, 1, 2, 3].map((row) => row * 4 + column))
  const lines = direction === 'left' || direction === 'right' ? rows : columns
  return direction === 'left' || direction === 'up' ? lines : lines.map((line) => line.toReversed())
}
