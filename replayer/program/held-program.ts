import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { toPlace } from '../source-lines.js'
import type { DebuggerPort } from './debugger-port.js'
import { InspectorLink, type Params } from './inspector-link.js'
import { passNotices } from './node-notices.js'
import { INSPECTOR_FD } from './orders.js'

/** How a debugger gets at a program. */
export interface Inspecting {
  readonly port: DebuggerPort
  /** Seq of the event before which the program waits for it. */
  readonly pause: number
  /** It waits.
   *  @param place the line, in the file that was written
   *  @param url where the debugger finds it */
  onHeld(place: string, url: string): void
}

/** Holds a program when it comes to its moment, until a debugger has come and resumes it. */
export async function hold(child: ChildProcess, inspecting: Inspecting): Promise<void> {
  passNotices(child.stderr!)
  try {
    await holdAtMoment(child, inspecting)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

async function holdAtMoment(child: ChildProcess, { port, onHeld }: Inspecting): Promise<void> {
  const pipe = child.stdio[INSPECTOR_FD] as Readable
  const met = once(pipe, 'close')
  const [inspector] = await Promise.race([once(createInterface(pipe), 'line'), met])
  const held = typeof inspector === 'string' ? await HeldProgram.hold(inspector, met) : undefined
  if (!held) return
  port.open(held)
  const { pathname } = new URL(held.inspector)
  onHeld(held.place, `ws://${port.address}${pathname}`)
}

interface CallFrame {
  readonly functionName: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber?: number }
}

const AGAIN_MS = 50

/** URL of the code that feeds the program. */
export const TAPE = '[\\\\/]replayer[\\\\/]program[\\\\/]preload\\.cjs$'

const DEBUGGED = "globalThis[Symbol.for('retroscope.seam.v1')].debugged"

/** A program that stands at a line of its own. It is looked at while it is stopped, and not while it runs. */
export class HeldProgram {
  /** Where its own inspector listens. */
  readonly inspector: string
  readonly #link: InspectorLink
  readonly #urls = new Map<string, string>()
  readonly #maps: Record<string, string> = {}
  /** Its name of what is ours within it. */
  #debugged = ''
  #looks = false
  #looking: Promise<void> = Promise.resolve()
  #released = false
  #onEnd = (): void => {}
  /** Where it stands first. */
  place = ''

  /** @param met settles when it has taken notice of us
   *  @returns undefined where it ends before it comes to a line of its own */
  static async hold(inspector: string, met: Promise<unknown>): Promise<HeldProgram | undefined> {
    const held = new HeldProgram(inspector, await InspectorLink.connect(inspector))
    return (await held.#take(met)) ? held : undefined
  }

  private constructor(inspector: string, link: InspectorLink) {
    this.inspector = inspector
    this.#link = link
    link.when('Debugger.scriptParsed', (script) => this.#meet(script))
    link.when('NodeRuntime.waitingForDisconnect', () => this.#end())
  }

  /** Somebody looks, or has done so: what is asked for meanwhile is nothing of the program's. */
  look(begins: boolean): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look(begins))
    return this.#looking
  }

  async #look(begins: boolean): Promise<void> {
    if (this.#looks === begins) return
    if (!begins) this.#looks = false
    // Whoever resumes it first has it from then on: it stops for him alone, and where he is not, it does not.
    if (!begins && !this.#released) {
      this.#released = true
      await this.#link.ask('Debugger.setSkipAllPauses', { skip: true })
    }
    await this.#link.ask('Runtime.callFunctionOn', {
      objectId: this.#debugged,
      functionDeclaration: 'function (begins) { this.look(begins) }',
      arguments: [{ value: begins }],
    })
    this.#looks = begins
  }

  get isLookedAt(): boolean {
    return this.#looks
  }

  /** It was let go on once. */
  get isReleased(): boolean {
    return this.#released
  }

  /** Whose code a script is. */
  toKind(scriptId: string): 'node' | 'tape' | 'program' {
    const url = this.#urls.get(scriptId) ?? ''
    return new RegExp(TAPE).test(url) ? 'tape' : url === '' || url.startsWith('node:') ? 'node' : 'program'
  }

  /** Hears of its end. */
  onEnd(hear: () => void): void {
    this.#onEnd = hear
  }

  #end(): void {
    this.#link.close()
    this.#onEnd()
  }

  #meet({ scriptId, url, sourceMapURL }: Params): void {
    const script = String(url)
    this.#urls.set(String(scriptId), script)
    if (sourceMapURL) this.#maps[script.replace(/^file:\/\//, '')] = String(sourceMapURL)
  }

  /** Until it has taken notice of us; then it is ours. */
  async #take(met: Promise<unknown>): Promise<boolean> {
    const link = this.#link
    await link.ask('NodeRuntime.notifyWhenWaitingForDisconnect', { enabled: true })
    // What comes before it waits is lost.
    const again = setInterval(() => void link.ask('Runtime.runIfWaitingForDebugger'), AGAIN_MS)
    try {
      await link.ask('Runtime.runIfWaitingForDebugger')
      await met
    } finally {
      clearInterval(again)
    }
    const stopped = link.next('Debugger.paused')
    await link.ask('Debugger.enable')
    // Steps are the debugger's: they end where one of those that are connected does not pass over.
    await link.ask('Debugger.setBlackboxPatterns', { patterns: ['.'] })
    const frame = ((await stopped)?.['callFrames'] as readonly CallFrame[] | undefined)?.[0]
    const found = await link.ask('Runtime.evaluate', { expression: DEBUGGED })
    const { objectId } = (found?.['result'] ?? {}) as { readonly objectId?: string }
    if (!frame || !objectId) return false
    this.#debugged = objectId
    this.place = this.#toPlace(frame)
    await this.look(true)
    return true
  }

  #toPlace({ functionName, location }: CallFrame): string {
    const file = this.#urls.get(location.scriptId)?.replace(/^file:\/\//, '') ?? ''
    const at = `${file}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`
    return toPlace(functionName ? `${functionName} (${at})` : at, this.#maps)
  }
}
