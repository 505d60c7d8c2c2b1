// Compiles everything with tsc, then bundles what a recorded program loads before its first line: one CommonJS file
// with a private copy of the encoder's JavaScript part (FINDINGS: loading msgpackr as it is costs 24–31 ms CPU).
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const root = join(dirname(new URL(import.meta.url).pathname), '..')
if (process.argv.includes('--clean')) rmSync(join(root, 'dist'), { recursive: true, force: true })

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
const compiled = spawnSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' })
if (compiled.status !== 0) process.exit(compiled.status ?? 1)

for (const name of ['recorder/preload', 'replayer/program/preload']) {
  const preload = join(root, `${name}.ts`)
  if (!existsSync(preload)) continue
  await build({
    entryPoints: [preload],
    outfile: join(root, 'dist', `${name}.cjs`),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    legalComments: 'inline',
    logLevel: 'warning',
    alias: { 'msgpackr/pack': join(dirname(require.resolve('msgpackr')), '..', 'pack.js') },
    // Each KB of source costs start-up time in every process of a recorded tree.
    minify: true,
  })
}
// It exports nothing; its types have to be CommonJS as it is.
writeFileSync(join(root, 'dist', 'recorder', 'preload.d.cts'), 'export {}\n')
const cli = join(root, 'dist', 'replayer', 'faces', 'cli', 'main.js')
if (existsSync(cli)) chmodSync(cli, 0o755)
