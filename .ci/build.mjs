// Compiles everything with tsc, then bundles what a recorded program loads before its first line: one CommonJS file
// with a private copy of the encoder's JavaScript part (loading msgpackr as it is costs 24–31 ms CPU), and a small one
// that starts it from V8's code cache.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const require = createRequire(import.meta.url)
const root = join(dirname(new URL(import.meta.url).pathname), '..')
if (process.argv.includes('--clean')) rmSync(join(root, 'dist'), { recursive: true, force: true })

const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
const compiled = spawnSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit' })
if (compiled.status !== 0) process.exit(compiled.status ?? 1)

const BUNDLE = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  legalComments: 'inline',
  logLevel: 'warning',
  alias: { 'msgpackr/pack': join(dirname(require.resolve('msgpackr')), '..', 'pack.js') },
  // Each KB of source costs start-up time in every process of a recorded tree.
  minify: true,
}
const dist = join(root, 'dist', 'recorder')
const bundle = join(dist, 'preload-bundle.cjs')
const preload = join(dist, 'preload.cjs')
await build({ ...BUNDLE, entryPoints: [join(root, 'recorder/preload.ts')], outfile: bundle })
const hash = createHash('sha256').update(readFileSync(bundle)).digest('hex').slice(0, 16)
await build({
  ...BUNDLE,
  entryPoints: [join(root, 'recorder/load-preload.ts')],
  outfile: preload,
  define: { BUNDLE_NAME: JSON.stringify(`preload-${hash}`) },
})
await build({
  ...BUNDLE,
  entryPoints: [join(root, 'replayer/program/preload.ts')],
  outfile: join(root, 'dist/replayer/program/preload.cjs'),
})
for (const name of readdirSync(dist)) {
  if (name.endsWith('.cache') && !name.startsWith(`preload-${hash}`)) rmSync(join(dist, name))
}
const { makeCodeCache } = await import(pathToFileURL(join(dist, 'code-cache.js')).href)
makeCodeCache(preload)
// It exports nothing; its types have to be CommonJS as it is.
writeFileSync(join(root, 'dist', 'recorder', 'preload.d.cts'), 'export {}\n')
const cli = join(root, 'dist', 'replayer', 'faces', 'cli', 'main.js')
if (existsSync(cli)) chmodSync(cli, 0o755)
