import type { Socket } from 'node:net'
import { type HeldProgram, TAPE } from './held-program.js'
import type { Params } from './inspector-link.js'
import { type Frame, FrameReader, toCloseFrame, toTextFrame } from './websocket.js'

interface Command {
  readonly id: number
  readonly method: string
  readonly params?: Params
}

/** Commands at which a program that is stopped goes on. */
const LEAVING = new Set(
  ['resume', 'stepOver', 'stepInto', 'stepOut', 'continueToLocation', 'disable'].map((name) => `Debugger.${name}`),
)

/** Commands that run code: on a tape that goes on meanwhile, they would take what is the program's. */
const EVALUATING = new Set(['Runtime.evaluate', 'Runtime.callFunctionOn', 'Runtime.runScript'])

/** Why a debugger is left: it sends what is not taken, or what is no command. */
const UNSUPPORTED = 1003
const INVALID = 1007

const PAUSED = '{"method":"Debugger.paused"'
const RESUMED = '{"method":"Debugger.resumed"'
const PASS_OVER = 'Debugger.setBlackboxPatterns'

/** A number that no debugger comes to. */
const OUR_ID = 0x7fff_fff0
const OURS = `{"id":${OUR_ID},`

/** Where a program has stopped. */
interface Paused {
  readonly reason: string
  readonly hitBreakpoints?: readonly string[]
  readonly callFrames: readonly { readonly location: { readonly scriptId: string } }[]
}

const RUNNING =
  'The replay is running, and what is evaluated now would take answers that are meant for the program. Pause it first.'

/** Stands between a debugger and the program: the program is looked at from when the debugger hears that it has stopped
 *  until it says that it shall go on. */
export class DebuggerRelay {
  readonly #held: HeldProgram
  readonly #debugger: Socket
  readonly #program: Socket
  #wantsToBeTold = false
  #leaves = false
  readonly #hidden: string[] = []
  #toProgram: Promise<void> = Promise.resolve()
  #toDebugger: Promise<void> = Promise.resolve()

  /** @param onClose it is over */
  constructor(held: HeldProgram, sides: { debugger: Socket; program: Socket }, onClose: () => void) {
    this.#held = held
    this.#debugger = sides.debugger
    this.#program = sides.program
    const frames = { debugger: new FrameReader(), program: new FrameReader() }
    for (const side of ['debugger', 'program'] as const) {
      sides[side].on('error', () => {})
      sides[side].setNoDelay()
      sides[side].on('data', (bytes: Buffer) => {
        for (const frame of frames[side].read(bytes)) this.#queue(side, frame)
      })
    }
    this.#program.on('close', () => {
      this.#toDebugger = this.#toDebugger.then(() => this.#debugger.destroySoon())
    })
    this.#debugger.on('close', () => {
      this.#toProgram = this.#toProgram
        .then(() => this.#leave())
        .then(() => this.#program.destroySoon())
        .then(onClose)
    })
  }

  /** The program has ended. Who wanted to be told of that leaves when he has asked for what he wants. */
  end(): void {
    if (!this.#wantsToBeTold) this.#program.destroySoon()
  }

  #queue(from: 'debugger' | 'program', frame: Frame): void {
    const drop = (): void => this.#drop(INVALID)
    if (from === 'debugger') this.#toProgram = this.#toProgram.then(() => this.#ask(frame)).catch(drop)
    else this.#toDebugger = this.#toDebugger.then(() => this.#tell(frame)).catch(drop)
  }

  /** Of what one debugger says wrong, nothing else ends. */
  #drop(code: number): void {
    if (this.#debugger.writableEnded) return
    this.#debugger.write(toCloseFrame(code))
    this.#debugger.destroySoon()
  }

  async #tell({ text = '', bytes }: Frame): Promise<void> {
    if (this.#isOurs(text)) return
    if (!this.#leaves && text.startsWith(PAUSED)) {
      if (this.#isBelow(text)) return this.#order('Debugger.stepOut', {}, OURS, RESUMED)
      await this.#held.look(true)
    }
    this.#debugger.write(bytes)
  }

  /** Whether a step came into what feeds the program. Node's own code is stopped in there in spite of all patterns. */
  #isBelow(text: string): boolean {
    const { reason, hitBreakpoints, callFrames } = (JSON.parse(text) as { params: Paused }).params
    if ((reason !== 'other' && reason !== 'step') || hitBreakpoints?.length) return false
    const kinds = callFrames
      .map(({ location }) => this.#held.toKind(location.scriptId))
      .filter((kind) => kind !== 'node')
    return kinds[0] === 'tape' && kinds.includes('program')
  }

  /** Says something to the program that the debugger did not.
   *  @param hidden how what comes of it begins */
  #order(method: string, params: Params, ...hidden: readonly string[]): void {
    this.#hidden.push(...hidden)
    this.#send({ id: OUR_ID, method, params })
  }

  #isOurs(text: string): boolean {
    const at = this.#hidden.findIndex((start) => text.startsWith(start))
    if (at >= 0) this.#hidden.splice(at, 1)
    return at >= 0
  }

  async #ask({ text, bytes, isClose, isStrange }: Frame): Promise<void> {
    if (this.#debugger.writableEnded) return
    // Parts would pass unread.
    if (isStrange) return this.#drop(UNSUPPORTED)
    if (isClose) await this.#leave()
    if (text === undefined) return void this.#program.write(bytes)
    const command = JSON.parse(text) as Command
    const { id, method, params } = command
    if (EVALUATING.has(method) && !this.#held.isLookedAt) return this.#refuse(id)
    if (LEAVING.has(method)) await this.#held.look(false)
    if (method === 'NodeRuntime.notifyWhenWaitingForDisconnect') this.#wantsToBeTold = params?.['enabled'] === true
    const changed = toOurs(method, params)
    if (changed) this.#send({ ...command, params: changed })
    else this.#program.write(bytes)
    if (method === 'Debugger.enable') this.#order(PASS_OVER, { patterns: [TAPE] }, OURS)
  }

  #send(command: Command): void {
    this.#program.write(toTextFrame(JSON.stringify(command), 'debugger'))
  }

  #refuse(id: number): void {
    const answer = JSON.stringify({ id, error: { code: -32000, message: RUNNING } })
    this.#debugger.write(toTextFrame(answer, 'inspector'))
  }

  /** Without its debugger the program goes on, once it was let go: at once, where it is stopped. */
  async #leave(): Promise<void> {
    this.#leaves = true
    if (this.#held.isReleased) await this.#held.look(false)
  }
}

/** What a debugger sets, as it fits a program that is fed. */
function toOurs(method: string, params: Params = {}): Params | undefined {
  const { condition, patterns = [] } = params as { condition?: unknown; patterns?: readonly string[] }
  if (method === PASS_OVER) return { ...params, patterns: [...patterns, TAPE] }
  return typeof condition === 'string' && condition !== '' ? { ...params, condition: toQuiet(condition) } : undefined
}

/** A breakpoint's condition runs while the program does. */
function toQuiet(condition: string): string {
  try {
    new Function(`return (${condition}\n)`)
  } catch {
    return condition
  }
  return `globalThis[Symbol.for('retroscope.seam.v1')].debugged.quietly((console) => (${condition}\n))`
}
