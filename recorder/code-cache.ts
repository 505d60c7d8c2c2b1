import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { injectEnv } from './injection.js'
import { createRecording } from './recording-directory.js'

/** Has V8's code cache made for the preload and this Node, where there is none, by one start of a program that does
 *  nothing: some 0.2 s, once. Where the package may not be written to, starts stay as slow as they are.
 *  @throws what the system says */
export function makeCodeCache(preload: string): void {
  const dist = dirname(preload)
  const [, name] = /"(preload-[0-9a-f]{16})"/.exec(readFileSync(preload, 'latin1')) ?? []
  if (name === undefined || existsSync(join(dist, `${name}-${process.version}-${process.arch}.cache`))) return
  accessSync(dist, constants.W_OK)
  const dir = mkdtempSync(join(tmpdir(), 'retroscope-cache-'))
  try {
    const recording = createRecording(join(dir, 'start.retro'))
    const injection = {
      preload,
      recording,
      key: 'none',
      keepEnv: true,
      inputs: true,
      sources: false,
      level: 'full',
    } as const
    spawnSync(process.execPath, ['-e', '0'], {
      env: { ...injectEnv(process.env, injection, '0'), RETROSCOPE_MAKE_CACHE: name },
      stdio: 'ignore',
    })
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
