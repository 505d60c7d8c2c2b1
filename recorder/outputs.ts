import { originals } from './originals.js'

/** What stands behind `/dev/null`: whoever writes there shares nothing with others who do. */
const NOWHERE = 259n

/** What stands behind a descriptor: the same text in each process that shares it. Empty where that cannot be said. */
export function findFile(fd: number): string {
  try {
    const { dev, ino, rdev } = originals.fstatSync(fd, { bigint: true })
    return rdev === NOWHERE ? '' : `${dev}:${ino}`
  } catch {
    return ''
  }
}

/** What stands behind stdout and stderr of the command that is recorded. */
export function findOutputs(): string {
  return `${findFile(1)},${findFile(2)}`
}
