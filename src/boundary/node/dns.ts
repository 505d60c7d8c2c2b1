import type { RecordTools, ReplayTools } from './handles.js'
import type { Native } from './internals.js'
import type { Request } from './requests.js'
import { replace } from './synchronous.js'

const LOOKUPS = ['getaddrinfo', 'getnameinfo'] as const

/** Names and addresses as the system knows them. */
export function record({ internals, tape, requests }: RecordTools): void {
  const binding = internals.binding('cares_wrap')
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
      if (result === 0) requests.follow(later, args[0] as Request)
      return result
    })
  }
}

export function replay({ internals, tape, requests }: ReplayTools): void {
  const binding = internals.binding('cares_wrap')
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
