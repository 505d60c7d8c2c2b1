import { getSession } from './context.js'
import { captureStack, isNodeCall } from './frames.js'
import { loadBuiltin } from './originals.js'
import { dress, type Patches } from './patches.js'

type Call = (...args: unknown[]) => unknown

const PROCESS = ['cwd', 'uptime', 'memoryUsage', 'cpuUsage', 'resourceUsage'] as const
const OS = [
  'hostname',
  'cpus',
  'freemem',
  'totalmem',
  'uptime',
  'loadavg',
  'networkInterfaces',
  'userInfo',
  'tmpdir',
  'homedir',
  'availableParallelism',
  'release',
  'version',
  'machine',
] as const
/** Libraries read these on every call to choose their warnings and colours; they are answered like the clock. */
const CONVENTIONS: ReadonlySet<PropertyKey> = new Set([
  'NODE_ENV',
  'DEBUG',
  'NO_COLOR',
  'FORCE_COLOR',
  'NODE_DEBUG',
  'TZ',
])

/** Questions about the host with small plain answers, which a session is fed; the rest of the environment opens it. */
export function installHost(patches: Patches): void {
  const wrap = (holder: Record<string, unknown>, name: string, call: string): void => {
    const real = holder[name]
    if (typeof real !== 'function') return
    const wrapper = dress((...args: unknown[]) => {
      const session = getSession()
      const ask = () => Reflect.apply(real as Call, holder, args)
      if (session === undefined || (name === 'cwd' && isNodeCall(captureStack()))) return ask()
      return session.value(call, ask)
    }, real)
    patches.replace(holder, name, wrapper)
  }
  for (const name of PROCESS) wrap(process as never, name, `process.${name}`)
  const os = loadBuiltin('node:os')
  for (const name of OS) wrap(os, name, `os.${name}`)
  installEnvironment(patches)
  installExit(patches)
}

function installEnvironment(patches: Patches): void {
  const { env } = process
  const read = (key: PropertyKey): unknown => {
    const session = getSession()
    if (session === undefined || typeof key === 'symbol') return Reflect.get(env, key)
    if (CONVENTIONS.has(key)) return session.value(`process.env.${String(key)}`, () => Reflect.get(env, key))
    session.observe(`process.env.${String(key)}`)
    return Reflect.get(env, key)
  }
  const seen = new Proxy(env, {
    get: (_target, key) => read(key),
    has(target, key) {
      getSession()?.observe(`${String(key)} in process.env`)
      return Reflect.has(target, key)
    },
    ownKeys(target) {
      getSession()?.observe('Object.keys(process.env)')
      return Reflect.ownKeys(target)
    },
    set(target, key, value) {
      getSession()?.observe(`process.env.${String(key)} =`)
      return Reflect.set(target, key, value)
    },
  })
  patches.replaceWithGetter(process, 'env', () => (getSession() === undefined ? env : seen))
}

function installExit(patches: Patches): void {
  const exit = process.exit
  const wrapper = dress((code?: number | string | null): never => {
    const session = getSession()
    if (session === undefined) return exit(code)
    session.effect('process.exit', code ?? null)
    return session.live ? exit(code) : session.halt()
  }, exit)
  patches.replace(process, 'exit', wrapper)
}
