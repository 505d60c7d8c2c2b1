import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface DatabaseServer {
  readonly port: string
  /** Ends it, and removes its data. */
  stop(): Promise<void>
}

export const PASSWORD = 'of no use elsewhere'

/** Starts a server of Debian's on a free port of the loopback. @returns undefined where it is not installed */
export const START = {
  async redis(): Promise<DatabaseServer | undefined> {
    if (spawnSync('redis-server', ['--version']).status !== 0) return undefined
    const [dir, port] = [mkdtempSync(join(tmpdir(), 'retroscope-redis-')), await findPort()]
    const words = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', dir]
    return watch(spawn('redis-server', words), port, dir)
  },

  async postgres(): Promise<DatabaseServer | undefined> {
    const bin = findPostgres()
    if (!bin) return undefined
    const [dir, port] = [mkdtempSync(join(tmpdir(), 'retroscope-postgres-')), await findPort()]
    const [data, password] = [join(dir, 'data'), join(dir, 'password')]
    mkdirSync(data)
    writeFileSync(password, PASSWORD)
    const user = takeUser(dir, data, password)
    const init = ['-D', data, '-U', 'tester', '--auth=scram-sha-256', `--pwfile=${password}`, '--no-sync']
    execFileSync(join(bin, 'initdb'), init, { ...user, stdio: ['ignore', 'ignore', 'pipe'], cwd: data })
    const words = ['-D', data, '-p', port, '-k', data, '-h', '127.0.0.1', '-F']
    const env = { ...process.env, LC_ALL: 'C' }
    return watch(spawn(join(bin, 'postgres'), words, { ...user, cwd: data, env }), port, dir)
  },
}

function findPostgres(): string | undefined {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base) : []
  return versions.map((version) => join(base, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
}

/** PostgreSQL does not run as root. */
function takeUser(dir: string, ...own: readonly string[]): SpawnOptions {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })))
  chmodSync(dir, 0o755)
  for (const path of own) chownSync(path, uid!, gid!)
  return { uid: uid!, gid: gid! }
}

async function findPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return String(port)
}

async function watch(child: ChildProcess, port: string, dir: string): Promise<DatabaseServer> {
  const ended = once(child, 'exit')
  let said = ''
  await new Promise<void>((done, fail) => {
    const listen = (text: Buffer): void => {
      said += text
      if (/ready to accept connections/i.test(said)) done()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.on('exit', () => fail(new Error(`the server ended: ${said}`)))
  })
  return {
    port,
    async stop() {
      child.kill('SIGINT')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
