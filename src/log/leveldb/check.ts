import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type LevelVersion, toVersion } from './manifest.js'
import { scanRecords } from './records.js'
import { checkTable } from './table.js'

/** Blocks up to this size hold several keys, or the keys that nothing else vouches for. A chunk's block is larger, and
 *  its value has a checksum of its own. */
const MANY_KEYS_BYTES = 16 << 10

export interface LevelDamage {
  /** File within the database, such as `000005.ldb`. */
  readonly file: string
  /** null where the file as a whole is meant. */
  readonly range: { readonly from: number; readonly to: number } | null
  readonly what: string
  /** The database's own list of its files is concerned: opening it as it is would lose more than a repair does. */
  readonly structural: boolean
}

/** Checks the files of a LevelDB directory by their own checksums, which LevelDB leaves out when it reads. Quick: all that
 *  keys can hide behind, a few per cent of the bytes; `deep`: every byte. Changes nothing. A write-ahead log that ends
 *  inside a record is what every killed writer leaves, and no damage. */
export async function checkLevelFiles(dir: string, options: { deep: boolean }): Promise<LevelDamage[]> {
  const names = await readdir(dir)
  const damage: LevelDamage[] = []
  const version = await checkManifest(dir, names, damage)
  if (version) await checkVersion(dir, names, { version, damage })
  // A writer that closes, or is killed, leaves the table that it was about to make of others: LevelDB removes it.
  const listed = damage.length === 0 ? version?.tables : undefined
  for (const file of names) {
    if (/\.(ldb|sst)$/.test(file)) {
      if (listed && !listed.has(Number.parseInt(file, 10))) continue
      const found = await checkTable(join(dir, file), options.deep ? Number.POSITIVE_INFINITY : MANY_KEYS_BYTES)
      damage.push(...found.map(({ offset, bytes, what }) => toDamage(file, { offset, bytes, what })))
    } else if (file.endsWith('.log')) {
      const { damage: found } = scanRecords(await readFile(join(dir, file)), { keep: false })
      damage.push(...found.map((range) => toDamage(file, range)))
    }
  }
  return damage
}

function toDamage(file: string, { offset, bytes, what }: { offset: number; bytes: number; what: string }): LevelDamage {
  return { file, range: { from: offset, to: offset + bytes }, what, structural: false }
}

function toWhole(file: string, what: string): LevelDamage {
  return { file, range: null, what, structural: true }
}

async function checkManifest(
  dir: string,
  names: readonly string[],
  damage: LevelDamage[],
): Promise<LevelVersion | null> {
  if (!names.includes('CURRENT')) {
    if (names.some((name) => /\.(ldb|sst|log)$/.test(name))) damage.push(toWhole('CURRENT', 'it is missing'))
    return null
  }
  const current = await readFile(join(dir, 'CURRENT'), 'latin1')
  const name = /^(MANIFEST-\d+)\n$/.exec(current)?.[1]
  if (!name || !names.includes(name)) {
    damage.push(toWhole('CURRENT', 'it names no MANIFEST that is there'))
    return null
  }
  const scan = scanRecords(await readFile(join(dir, name)), { keep: true })
  for (const range of scan.damage) damage.push({ ...toDamage(name, range), structural: true })
  if (scan.torn) damage.push(toWhole(name, 'its end is cut off'))
  if (scan.damage.length > 0) return null
  const version = scan.records.length > 0 ? toVersion(scan.records) : null
  if (!version) damage.push(toWhole(name, 'it lists no files'))
  return version
}

async function checkVersion(
  dir: string,
  names: readonly string[],
  { version, damage }: { version: LevelVersion; damage: LevelDamage[] },
): Promise<void> {
  for (const [number, size] of version.tables) {
    const found = names.find((name) => /\.(ldb|sst)$/.test(name) && Number.parseInt(name, 10) === number)
    if (!found) {
      damage.push(toWhole(`${toNumber(number)}.ldb`, 'it is missing'))
      continue
    }
    const { size: there } = await stat(join(dir, found))
    if (there !== size) damage.push(toWhole(found, `it has ${there} bytes instead of ${size}`))
  }
  // A log stays until a table holds its content and MANIFEST says so. Where it is gone and MANIFEST doesn't, the end of
  // MANIFEST is gone too, and LevelDB would take the tables that it named for rubbish.
  if (version.log > 0 && !names.includes(`${toNumber(version.log)}.log`)) {
    damage.push(toWhole(`${toNumber(version.log)}.log`, 'it is missing'))
  }
}

function toNumber(number: number): string {
  return String(number).padStart(6, '0')
}
