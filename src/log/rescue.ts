import { readdirSync } from 'node:fs'
import { isRetroscopeError } from '../errors.js'
import type { KeyValue } from './key-value.js'
import { openLevelStore, repairLevelStore } from './level-store.js'
import { checkLevelFiles, type LevelDamage } from './leveldb/check.js'
import { openMemoryStore } from './memory-store.js'

/** A segment's store, and what is damaged of its files as far as opening shows it. */
export interface OpenSegment {
  readonly store: KeyValue
  readonly damage: readonly LevelDamage[]
}

/** Opens a LevelDB directory for reading, after a check of all that keys can hide behind (`checkLevelFiles`): without a
 *  word of damage here, a key that is absent was never written. Where the database's own list of files is damaged, what
 *  is left of them is put together again. Changes the directory: give it a snapshot. A directory that has no data yet
 *  (its collector died while making it) is an empty store. @throws DAMAGED when nothing can be rescued */
export async function openRescued(dir: string): Promise<OpenSegment> {
  const hasData = readdirSync(dir).some((name) => /\.(ldb|sst|log)$/.test(name))
  const damage = await checkLevelFiles(dir, { deep: false })
  if (!hasData && damage.length === 0) return { store: openMemoryStore(), damage }
  if (damage.some(({ structural }) => structural)) await repairLevelStore(dir)
  try {
    return { store: await openLevelStore(dir, { readOnly: true }), damage }
  } catch (error) {
    if (!isRetroscopeError(error) || error.code !== 'DAMAGED') throw error
    await repairLevelStore(dir)
    const whole = { file: 'MANIFEST', range: null, what: error.message, structural: true }
    return { store: await openLevelStore(dir, { readOnly: true }), damage: [...damage, whole] }
  }
}
