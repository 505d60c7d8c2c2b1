import type { EventPlan, Handle, HandleClass, HandlePlan, RecordTools, ReplayTools } from './handles.js'
import type { Internals, Native } from './internals.js'
import { replace } from './synchronous.js'

/** Handles that the native side makes for the program: by what it calls their kind. */
const KINDS = { TCP: 'tcp_wrap', Pipe: 'pipe_wrap', UDP: 'udp_wrap' } as const

type Kind = keyof typeof KINDS

function findClass(internals: Internals, kind: Kind): new (type: number) => Handle {
  return internals.binding(KINDS[kind])[kind] as new (
    type: number,
  ) => Handle
}

/** Makes a handle as the native side would for one that came through `parent`; it is never opened. */
function makeHandle({ internals, numbering, contexts, tape }: ReplayTools, kind: Kind, number: number, parent: Handle) {
  const { SOCKET = 0 } = (internals.binding(KINDS[kind])['constants'] ?? {}) as { SOCKET?: number }
  const handle = contexts.makeThrough(parent, () => {
    const made = new (findClass(internals, kind))(SOCKET)
    contexts.note(made)
    return made
  })
  if (numbering.of(handle) !== number) tape.diverge('handles are numbered otherwise')
  return handle
}

/** `onconnection` is a property of each handle's own, put there by the native side: so it is met in `listen`. The primary
 *  of a cluster gives another one behind that. */
export function recordConnections({ tape, numbering }: RecordTools, type: HandleClass, name: string): void {
  const code = tape.code(`${name}.onconnection`)
  const listen = type.prototype['listen'] as Native | undefined
  if (!listen) return
  replace(type.prototype, 'listen', function (this: Handle): unknown {
    const number = numbering.of(this, tape.turn)
    const cause = tape.turn
    const wrap = (callback: unknown): unknown =>
      function onconnection(this: unknown, status: unknown, client: object | undefined): unknown {
        // biome-ignore lint/complexity/noArguments: passed on as they are
        const args = arguments
        tape.deliver(code, cause)
        tape.value(number)
        tape.value(status)
        tape.value(client ? numbering.of(client, tape.turn) : 0)
        tape.end()
        return Reflect.apply(callback as Native, this, args)
      }
    watchCallback(this, 'onconnection', wrap)
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(listen, this, arguments)
  })
}

/** The native side looks the property up with each call. */
function watchCallback(handle: Handle, name: string, wrap: (callback: unknown) => unknown): void {
  let wrapped = wrap(handle[name])
  Object.defineProperty(handle, name, {
    configurable: true,
    enumerable: true,
    get: () => wrapped,
    set(callback: unknown) {
      wrapped = wrap(callback)
    },
  })
}

export function replayConnections(tools: ReplayTools, type: HandleClass, name: 'TCP' | 'Pipe' | 'TTY'): void {
  if (!type.prototype['listen'] || name === 'TTY') return
  const { tape, numbering, contexts } = tools
  const listen = type.prototype['listen'] as Native
  replace(type.prototype, 'listen', function (this: Handle): unknown {
    numbering.of(this)
    // biome-ignore lint/complexity/noArguments: passed on as they are
    return Reflect.apply(listen, this, arguments)
  })
  tape.on(tape.code(`${name}.onconnection`), () => {
    const server = tape.find(tape.value() as number) as Handle
    const status = tape.value()
    const number = tape.value() as number
    const client = number > 0 ? makeHandle(tools, name, number, server) : undefined
    tape.end()
    contexts.run(server, () => Reflect.apply(server['onconnection'] as Native, server, [status, client]))
  })
}

/** Where the native side leaves a handle that came with what it has just read from a channel between processes. */
const PENDING = 'pendingHandle'

/** Adds to what was read from a pipe the handle that came with it. */
export function passHandles(plan: HandlePlan, tools: RecordTools | ReplayTools): HandlePlan {
  const onread = plan.events!['onread']!
  const event: EventPlan = {
    save(tape, args, handle) {
      onread.save(tape, args, handle)
      const passed = handle[PENDING]
      if (typeof passed !== 'object' || passed === null) return tape.value(0)
      tape.value(tools.numbering.of(passed, tape.turn))
      tape.value(findKind(tools.internals, passed))
    },
    load(tape, handle) {
      const args = onread.load(tape, handle)
      const number = tape.value() as number
      if (number > 0) handle[PENDING] = makeHandle(tools as ReplayTools, tape.value() as Kind, number, handle)
      return args
    },
  }
  return { ...plan, events: { ...plan.events, onread: event } }
}

function findKind(internals: Internals, handle: object): Kind {
  for (const kind of ['TCP', 'Pipe'] as const) if (handle instanceof findClass(internals, kind)) return kind
  // The native side makes it of its own class, above which the boundary has put another.
  Object.setPrototypeOf(handle, findClass(internals, 'UDP').prototype as object)
  return 'UDP'
}
