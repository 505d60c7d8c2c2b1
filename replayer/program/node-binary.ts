import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { RetroscopeError } from '../../src/errors.js'

/** The binary that runs a recorded program again: this process's own, or the one that was named. Its version is the
 *  recording's: another one's JavaScript asks other things in another order.
 *  @param recorded version, as `process.version` gives it
 *  @throws NODE_VERSION when it is of another version, NOT_FOUND, NO_PERMISSION, CANNOT_START */
export function toNodeBinary(recorded: string, named: string | undefined): string {
  const binary = named === undefined ? process.execPath : resolve(named)
  const found = named === undefined ? process.version : readVersion(binary)
  if (found === recorded) return binary
  const who = named === undefined ? 'this is' : `${binary} is`
  throw new RetroscopeError('NODE_VERSION', `It was recorded under Node ${recorded}; ${who} ${found}.`, {
    hint: `Name a binary of that version, as in: retroscope replay RECORDING --node PATH. ${toPackageHint(recorded)}`,
  })
}

/** The npm package `node` brings binaries of every release. */
function toPackageHint(version: string): string {
  return `This prints the path of one: npx -y -p node@${version.slice(1)} which node`
}

function readVersion(binary: string): string {
  checkExecutable(binary)
  const { stdout, error, status } = spawnSync(binary, ['--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  const version = /^v\d+\.\d+\.\d+\S*/.exec(stdout ?? '')?.[0]
  if (version !== undefined && status === 0) return version
  throw new RetroscopeError('CANNOT_START', `${binary} does not say which Node it is when asked with --version.`, {
    hint: 'Give --node the path of a Node binary.',
    ...(error && { cause: error }),
  })
}

function checkExecutable(binary: string): void {
  let isFile = false
  try {
    isFile = statSync(binary).isFile()
  } catch (cause) {
    throw new RetroscopeError('NOT_FOUND', `There is no ${binary}.`, {
      hint: 'Give --node the path of a Node binary.',
      cause,
    })
  }
  try {
    if (!isFile) throw new TypeError('no file')
    accessSync(binary, constants.X_OK)
  } catch (cause) {
    throw new RetroscopeError('NO_PERMISSION', `${binary} cannot be executed.`, {
      hint: isFile ? 'Allow it with chmod +x.' : 'Give --node the path of a Node binary, not of a directory.',
      cause,
    })
  }
}
