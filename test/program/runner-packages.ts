import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../../test/runners')

/** Where the runners of test/runners/package.json stand: installed once, which takes about a minute.
 *  @throws Error where that fails */
export function installRunners(): string {
  const modules = join(ROOT, 'node_modules')
  if (!existsSync(join(modules, 'vitest'))) {
    const { NODE_OPTIONS: _, ...env } = process.env
    const words = ['install', '--no-audit', '--no-fund', '--no-package-lock']
    const { status } = spawnSync('npm', words, { cwd: ROOT, env, stdio: ['ignore', 'ignore', 'inherit'] })
    if (status !== 0) throw new Error(`npm install in ${ROOT} ended with ${status}`)
  }
  return modules
}
