import {
  type HandleClass,
  type HandlePlan,
  type RecordTools,
  type ReplayTools,
  recordHandle,
  replayHandle,
} from './handles.js'
import type { Holder, Native } from './internals.js'
import type { Request } from './requests.js'
import { replace } from './synchronous.js'

const LOOKUPS = ['getaddrinfo', 'getnameinfo'] as const

/** A resolver of its own: all its methods that ask something take a request. */
function toChannelPlan(type: HandleClass): HandlePlan {
  const names = Object.getOwnPropertyNames(type.prototype).filter((name) => /^query|^getHostByAddr$/.test(name))
  return { name: 'ChannelWrap', requests: Object.fromEntries(names.map((name) => [name, {}])), joins: true }
}

function findChannels(binding: Holder): HandleClass {
  return binding['ChannelWrap'] as HandleClass
}

/** Names and addresses as the system knows them. */
export function record(tools: RecordTools): void {
  const { internals, tape, requests } = tools
  const binding = internals.binding('cares_wrap')
  recordHandle(tools, findChannels(binding), toChannelPlan(findChannels(binding)))
  for (const name of LOOKUPS) {
    const original = binding[name] as Native
    const [now, later] = [tape.code(`dns.${name}`), tape.code(`dns.${name} completed`)]
    replace(binding, name, function (this: unknown): unknown {
      // biome-ignore lint/complexity/noArguments: passed on without an array per call
      const args = arguments
      tape.begin(now)
      for (let index = 1; index < args.length; index++) tape.argument(args[index])
      const result = Reflect.apply(original, this, args)
      tape.result()
      tape.value(result)
      tape.end()
      if (result === 0) requests.followAny(later, args[0] as Request)
      return result
    })
  }
}

export function replay(tools: ReplayTools): void {
  const { internals, tape, requests } = tools
  const binding = internals.binding('cares_wrap')
  replayHandle(tools, findChannels(binding), toChannelPlan(findChannels(binding)))
  for (const name of LOOKUPS) {
    const [now, later] = [tape.code(`dns.${name}`), tape.code(`dns.${name} completed`)]
    requests.expect(later)
    replace(binding, name, function (): unknown {
      // biome-ignore lint/complexity/noArguments: as on the recording side
      const args = arguments
      tape.begin(now)
      for (let index = 1; index < args.length; index++) tape.argument(args[index])
      tape.result()
      const result = tape.value()
      tape.end()
      if (result === 0) requests.follow(later, args[0] as Request)
      return result
    })
  }
}
