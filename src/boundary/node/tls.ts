import type { RecordTools, ReplayTools } from './handles.js'
import {
  ALL_ARGUMENTS,
  type CompletionPlan,
  type EventPlan,
  type Handle,
  type HandleClass,
  type HandlePlan,
  type RequestPlan,
} from './handles.js'
import type { Holder, Internals, Native } from './internals.js'
import type { Request } from './requests.js'
import { recordStream, replayStream, toPlan, toState } from './streams.js'
import { recordCall, replace, replayCall } from './synchronous.js'

const EVENTS = [
  'onhandshakestart',
  'onhandshakedone',
  'onerror',
  'onnewsession',
  'onkeylog',
  'onocspresponse',
  'oncertcb',
  'onclienthello',
  'ALPNCallback',
]

/** Node's JavaScript puts these on the class itself and hands them on to the handle below. */
const HANDED_ON = [
  ...['close', 'ref', 'unref', 'open', 'bind', 'listen', 'connect', 'bind6', 'connect6', 'getsockname', 'getpeername'],
  ...['setNoDelay', 'setKeepAlive', 'setSimultaneousAccepts', 'setBlocking', 'setPendingInstances', 'reset'],
]

/** Marks a certificate that is its own issuer. */
const SELF = '\0self'

type Certificate = { issuerCertificate?: unknown }

function keepCertificate(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const copy = Object.assign(Object.create(Object.getPrototypeOf(value) as object | null), value) as Certificate
  if (copy.issuerCertificate === value) copy.issuerCertificate = SELF
  else if (copy.issuerCertificate !== undefined) copy.issuerCertificate = keepCertificate(copy.issuerCertificate)
  return copy
}

function reviveCertificate(kept: unknown): unknown {
  const one = kept as Certificate | null | undefined
  if (typeof one !== 'object' || one === null) return one
  if (one.issuerCertificate === SELF) one.issuerCertificate = one
  else reviveCertificate(one.issuerCertificate)
  return one
}

/** The name that a client asks for is written by the native side on the socket that owns the handle. */
function toEventPlan(internals: Internals): EventPlan {
  const { symbols } = internals.builtin('internal/async_hooks') as { symbols: { owner_symbol: symbol } }
  const findOwner = (handle: Handle) =>
    (handle as unknown as Record<symbol, { servername?: unknown } | undefined>)[symbols.owner_symbol]
  return {
    save(tape, args, handle) {
      tape.value(findOwner(handle)?.servername)
      ALL_ARGUMENTS.save(tape, args, handle)
    },
    load(tape, handle) {
      const [name, owner] = [tape.value(), findOwner(handle)]
      if (owner && name !== undefined) owner.servername = name
      return ALL_ARGUMENTS.load(tape, handle)
    },
  }
}

/** Says why a record could not be written: more than a number can. */
const REASON: CompletionPlan = {
  save: (tape, request) => tape.value((request as Reasoned).error),
  load(tape, request) {
    const error = tape.value()
    if (error !== undefined) (request as Reasoned).error = error
  },
}

type Reasoned = Request & { error?: unknown }

function toTlsPlan(internals: Internals): HandlePlan {
  const stream = toPlan('TLSWrap', toState(internals))
  const { parseX509 } = internals.binding('crypto') as { parseX509?: Native }
  const { onpskexchange } = internals.binding('symbols') as unknown as { onpskexchange: symbol }
  const event = toEventPlan(internals)
  const parsed = {
    keep: (value: unknown) => (value as { raw?(): unknown } | undefined)?.raw?.(),
    revive: (kept: unknown) => (kept ? parseX509?.(kept) : undefined),
  }
  const whole = { keep: keepCertificate, revive: reviveCertificate }
  const requests = Object.entries(stream.requests ?? {}).map(([name, plan]) => [name, { ...plan, completion: REASON }])
  return {
    ...stream,
    requests: Object.fromEntries(requests) as Record<string, RequestPlan>,
    events: {
      ...stream.events,
      ...Object.fromEntries(EVENTS.map((name) => [name, event])),
      // Keys that both sides know are asked for under a symbol.
      onpskexchange: { ...event, key: onpskexchange },
    },
    methods: {
      getPeerX509Certificate: parsed,
      getX509Certificate: parsed,
      getPeerCertificate: whole,
      getCertificate: whole,
      destroySSL: { load: (tape, _, handle) => tape.release(handle) },
    },
    passing: [...(stream.passing ?? []), ...HANDED_ON],
    joins: true,
    counts: true,
  }
}

/** Members of the native class cannot be redefined: each instance gets a class in between. */
function standBetween(binding: Holder, number: (handle: object) => number): HandleClass {
  const { prototype } = binding['TLSWrap'] as HandleClass
  const between: HandleClass = { prototype: Object.create(prototype) as Holder }
  const wrap = binding['wrap'] as Native
  replace(binding, 'wrap', function (this: unknown): unknown {
    // biome-ignore lint/complexity/noArguments: passed on as they are
    const handle = Reflect.apply(wrap, this, arguments) as object
    Object.setPrototypeOf(handle, between.prototype)
    number(handle)
    return handle
  })
  return between
}

/** A context of secrets makes them up when it is made. */
const TICKET_KEYS = ['getTicketKeys', 'SecureContext.getTicketKeys'] as const

function findContexts(internals: Internals): Holder {
  return (internals.binding('crypto')['SecureContext'] as HandleClass).prototype
}

/** TLS over a socket. What goes through the socket below does so natively; what comes out of it is recorded. */
export function record(tools: RecordTools): void {
  const { internals, tape, numbering } = tools
  const between = standBetween(internals.binding('tls_wrap'), (handle) => numbering.of(handle, tape.turn))
  recordStream(tools, between, toTlsPlan(internals))
  recordCall(tape, findContexts(internals), ...TICKET_KEYS)
}

/** The same from the tape: no handshake is made. */
export function replay(tools: ReplayTools): void {
  const { internals, tape, numbering, contexts } = tools
  const between = standBetween(internals.binding('tls_wrap'), (handle) => {
    contexts.capture(handle)
    return numbering.of(handle)
  })
  replayStream(tools, between, toTlsPlan(internals))
  replayCall(tape, findContexts(internals), ...TICKET_KEYS)
}
