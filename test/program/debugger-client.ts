import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import type { ProgramVerdict } from '../../replayer/program/divergence.js'
import { CLI } from '../helpers/command.js'

type Params = Record<string, unknown>

export interface CallFrame {
  readonly callFrameId: string
  readonly functionName: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number }
}

interface Waiting {
  done(params: Params): void
  fail(error: Error): void
}

/** A debugger of our own: what Chrome and VS Code do, by hand. What is waited for fails when the program has gone. */
export class DebuggerClient {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number | string, Waiting>()
  readonly urls = new Map<string, string>()
  /** What breakpoints that only print have printed: the first argument and the second. */
  readonly logged: unknown[][] = []
  #last = 0

  static async connect(url: string): Promise<DebuggerClient> {
    const socket = new WebSocket(url)
    const client = new DebuggerClient(socket)
    await once(socket, 'open')
    return client
  }

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, method, result, error, params } = JSON.parse(String(data))
      if (method === 'Debugger.scriptParsed') this.urls.set(params.scriptId, params.url)
      if (method === 'Runtime.consoleAPICalled') this.logged.push(params.args.map((arg: Params) => arg['value']))
      const waiting = this.#waiting.get(id ?? method)
      this.#waiting.delete(id ?? method)
      waiting?.done(result ?? (error ? { error } : params))
    })
    socket.on('close', () => {
      for (const [what, { fail }] of this.#waiting) fail(new Error(`the program has gone, before ${what}`))
    })
  }

  post(method: string, params: Params = {}): Promise<Params> {
    const id = ++this.#last
    this.#socket.send(JSON.stringify({ id, method, params }))
    return this.#wait(id)
  }

  /** What Chrome and VS Code send first, in their order. @returns where the program stands */
  async attach(): Promise<CallFrame[]> {
    const stopped = this.#stopped()
    const sent = [
      ['Runtime.enable'],
      ['Debugger.enable', { maxScriptsCacheSize: 100_000_000 }],
      ['Debugger.setPauseOnExceptions', { state: 'none' }],
      ['Debugger.setAsyncCallStackDepth', { maxDepth: 32 }],
      ['Debugger.setBlackboxPatterns', { patterns: ['/node_modules/', '^node:', 'preload\\.cjs'] }],
      ['Profiler.enable'],
      ['NodeWorker.enable', { waitForDebuggerOnStart: true }],
      ['Runtime.runIfWaitingForDebugger'],
    ] as const
    await Promise.all(sent.map(([method, params]) => this.post(method, params)))
    return stopped
  }

  /** Goes on by that command. @returns where it stops next */
  async go(command: 'resume' | 'stepOver' | 'stepInto' | 'stepOut'): Promise<CallFrame[]> {
    const stopped = this.#stopped()
    await this.post(`Debugger.${command}`)
    return stopped
  }

  async evaluate({ callFrameId }: CallFrame, expression: string, more: Params = {}): Promise<unknown> {
    const params = { callFrameId, expression, returnByValue: true, includeCommandLineAPI: true, ...more }
    const { result } = (await this.post('Debugger.evaluateOnCallFrame', params)) as { result: { value: unknown } }
    return result.value
  }

  /** `app.cjs:12 add`, the line counted from 1. */
  place({ functionName, location }: CallFrame): string {
    const file = this.urls.get(location.scriptId)?.split('/').at(-1)
    return `${file}:${location.lineNumber + 1} ${functionName}`.trim()
  }

  async source(frame: CallFrame): Promise<unknown> {
    return (await this.post('Debugger.getScriptSource', { scriptId: frame.location.scriptId }))['scriptSource']
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  async #stopped(): Promise<CallFrame[]> {
    return (await this.#wait('Debugger.paused'))['callFrames'] as CallFrame[]
  }

  #wait(what: number | string): Promise<Params> {
    return new Promise((done, fail) => this.#waiting.set(what, { done, fail }))
  }
}

export interface Inspected {
  readonly child: ChildProcess
  /** Where it says that debuggers find it. */
  readonly address: string
  readonly place: string
  /** Its end. */
  readonly ended: Promise<{
    readonly code: number | null
    readonly signal: string | null
    readonly stdout: string
    readonly stderr: string
    readonly verdict: () => ProgramVerdict
  }>
}

/** Replays `program.retro` up to where it waits for a debugger.
 *  @param detached in a process group of its own */
export async function inspect(dir: string, more: readonly string[], detached = false): Promise<Inspected> {
  const file = join(dir, 'verdict.json')
  const words = ['replay', join(dir, 'program.retro'), '--inspect=0', '--json', '--verdict', file, ...more]
  // The runner puts its own preload into the options of whatever is spawned here.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, CLI, ...words], {
    cwd: '/',
    stdio: 'pipe',
    detached,
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text
  })
  const ended = once(child, 'close').then(([code, signal]) => ({
    code,
    signal,
    ...output,
    verdict: () => JSON.parse(readFileSync(file, 'utf8')).threads[0].verdict as ProgramVerdict,
  }))
  const found = await new Promise<RegExpExecArray>((done, fail) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text
      const match = /Debugger listening on (ws:\S+)\nThe program stands at (.*?), and[\s\S]*Ctrl-C/.exec(output.stderr)
      if (match) done(match)
    })
    ended.then(() => fail(new Error(`it ended: ${output.stderr}`)))
  })
  return { child, address: found[1]!, place: found[2]!, ended }
}

/** Node's own debugger for the terminal.
 *  @param script what it is told, line by line, each when the text behind the one before has come
 *  @returns it, told all of it */
export async function driveNodeInspect(
  host: string,
  script: readonly (readonly [line: string, next: RegExp])[],
): Promise<ChildProcess> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, 'inspect', host], { stdio: 'pipe' })
  let output = ''
  let hear = (): void => {}
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    hear()
  })
  const comes = (text: RegExp): Promise<void> =>
    new Promise((done, fail) => {
      child.once('close', () => fail(new Error(`it ended: ${output}`)))
      hear = () => {
        if (text.test(output)) done()
      }
      hear()
    })
  await comes(/break in[\s\S]*debug> $/)
  for (const [line, next] of script) {
    output = ''
    child.stdin.write(`${line}\n`)
    await comes(next)
  }
  return child
}
