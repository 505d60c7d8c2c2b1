import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'

/** `recordings/TIME-COMMAND.retro`, free at this moment: `recordings/20261122-195440-npm-test.retro`. UTC. */
export function toDefaultPath(command: readonly string[], now = new Date()): string {
  const time = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15)
  const base = join('recordings', `${time}-${toSlug(command)}`)
  for (let n = 1; ; n++) {
    const path = n === 1 ? `${base}.retro` : `${base}-${n}.retro`
    if (!existsSync(path)) return path
  }
}

/** The command's file and its first plain argument, without folders and without what a shell would have to quote. */
function toSlug([file = '', ...args]: readonly string[]): string {
  const first = args.find((word) => !word.startsWith('-'))
  const words = [file, ...(first === undefined ? [] : [first])]
  const names = words.map((word) =>
    basename(word)
      .replace(/\.[cm]?[jt]sx?$/, '')
      .replace(/[^A-Za-z0-9._]+/g, '-')
      .replace(/^[-.]+|-+$/g, '')
      .slice(0, 40),
  )
  return names.filter((name) => name !== '').join('-') || 'command'
}
