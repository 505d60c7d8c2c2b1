/** Ten thousand random moves of 2048 in a Zustand store. The game keeps a list of every state of its own; the recording
 *  has to agree with it at every one of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createStore } from 'zustand/vanilla'
import { setup } from '../../recorder/index.js'
import { openRecording } from '../../replayer/index.js'
import { recorded } from '../../src/adapters/zustand.js'
import { type Board, DIRECTIONS, type Direction, EMPTY, isStuck, slide, spawn } from './board.js'

interface Game {
  readonly board: Board
  readonly score: number
  readonly best: number
  readonly games: number
  readonly moves: number
  move(direction: Direction): void
  restart(): void
}

const MOVES = Number(process.env.MOVES ?? 10_000)
const dir = process.env.OUT ?? mkdtempSync(join(tmpdir(), 'retroscope-game-'))
const recording = join(dir, 'game.retro')
const scope = await setup({ out: recording })

const states: unknown[] = []
const game = scope.container(
  'game',
  createStore<Game>()(
    recorded((set, get) => ({
      board: spawn(spawn(EMPTY, Math.random), Math.random),
      score: 0,
      best: 0,
      games: 1,
      moves: 0,
      move(direction) {
        const { board, gained } = slide(get().board, direction)
        const score = get().score + gained
        const moved = board === get().board ? board : spawn(board, Math.random)
        set({ board: moved, score, best: Math.max(score, get().best), moves: get().moves + 1 })
      },
      restart() {
        set({ board: spawn(spawn(EMPTY, Math.random), Math.random), score: 0, games: get().games + 1 })
      },
    })),
  ),
)
game.subscribe((state) => states.push(toData(state)))

while (game.getState().moves < MOVES) {
  if (isStuck(game.getState().board)) game.getState().restart()
  game.getState().move(DIRECTIONS[Math.floor(Math.random() * 4)] ?? 'left')
}
await scope.stop()

const replayed = await openRecording(recording)
let checked = 0
let wrong = 0
for await (const { patch, value } of replayed.history('game')) {
  if (patch === null) continue
  if (!isDeepStrictEqual(toData(value as Game), states[checked++])) wrong++
}
await replayed.close()
if (!process.env.OUT) rmSync(dir, { recursive: true, force: true })

const { games, best } = game.getState()
console.log(`${MOVES} moves in ${games} games, best score ${best}`)
console.log(`${checked} states of ${states.length} compared with the game's own list, ${wrong} differ`)
process.exitCode = wrong === 0 && checked === states.length ? 0 : 1

/** The state without its actions. */
function toData({ board, score, best, games, moves }: Game): unknown {
  return { board, score, best, games, moves }
}
