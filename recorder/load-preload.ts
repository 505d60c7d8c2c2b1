import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

// The preload's file (`dist/recorder/preload.cjs`). The recorder itself is the bundle beside it, started from V8's code
// cache where there is one for this Node: compiling it anew is a third of what a start costs. The build puts in here a
// name with the bundle's hash, for V8 looks at no more of a source than its length.
declare const BUNDLE_NAME: string

const MAKE = process.env['RETROSCOPE_MAKE_CACHE'] === BUNDLE_NAME
delete process.env['RETROSCOPE_MAKE_CACHE']
const cachePath = join(__dirname, `${BUNDLE_NAME}-${process.version}-${process.arch}.cache`)
const bundle = readFileSync(join(__dirname, 'preload-bundle.cjs'), 'latin1')
const cachedData = MAKE ? undefined : readCache()
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${bundle}\n})`,
  // Its frames are hidden under this one's name.
  { filename: __filename, ...(cachedData && { cachedData }) },
)
if (MAKE) keepCache()
script.runInThisContext()(exports, require, module, __filename, __dirname)

function readCache(): Buffer | undefined {
  try {
    return readFileSync(cachePath)
  } catch {
    return undefined
  }
}

/** With what has been compiled by the end of a start, under its name only when it is whole. */
function keepCache(): void {
  process.on('exit', () => {
    const path = `${cachePath}.${process.pid}`
    writeFileSync(path, script.createCachedData(), { mode: 0o644 })
    renameSync(path, cachePath)
  })
}
