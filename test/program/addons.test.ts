import { existsSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { recordInputs, replayInputs, TIMES } from './rig.js'

const MODULES = dirname(dirname(createRequire(import.meta.url).resolve('tsx/package.json')))

/** It compiles for long: only there when the benchmark was run. */
const SQLITE = fileURLToPath(new URL('../../../test/bench/node_modules/better-sqlite3', import.meta.url))

/** It is large: only there where it could be installed. */
const CANVAS = join(MODULES, '@napi-rs/canvas')

const PROGRAMS: Readonly<Record<string, string>> = {
  ...(existsSync(CANVAS) && {
    'a class that is asked for its own objects': `
      const { createCanvas, Path2D } = require('@napi-rs/canvas')
      const [large, small] = [createCanvas(20, 20), createCanvas(10, 10)]
      const [over, under] = [large, small].map((canvas) => canvas.getContext('2d'))
      under.fillStyle = 'red'
      under.fillRect(0, 0, 5, 5)
      over.drawImage(small, 2, 2)
      const path = new Path2D()
      path.rect(10, 10, 5, 5)
      over.fill(path)
      try { over.drawImage({}, 0, 0) } catch (error) { console.log(error.message) }
      console.log(over.getImageData(3, 3, 1, 1).data.join(), over.getImageData(12, 12, 1, 1).data.join(), Date.now())`,
  }),
  'a database with promises, iterators and handles': `
    const { ClassicLevel } = require('classic-level')
    const { AsyncLocalStorage } = require('node:async_hooks')
    const storage = new AsyncLocalStorage()
    const db = new ClassicLevel('data', { valueEncoding: 'json' })
    async function main() {
      await db.open()
      await storage.run(7, async () => {
        await db.put('a', { at: Date.now(), random: Math.random() })
        console.log(storage.getStore(), await db.get('a'), await db.get('missing'))
      })
      await db.batch(Array.from({ length: 20 }, (_, i) => ({ type: 'put', key: 'k' + i, value: i * Math.random() })))
      console.log(await Promise.all(Array.from({ length: 20 }, (_, i) => db.get('k' + i))))
      for await (const [key, value] of db.iterator({ limit: 7 })) console.log(key, value)
      let ticks = 0
      const timer = setInterval(() => ticks++, 1)
      await Promise.all(Array.from({ length: 50 }, async (_, i) => { await db.put('z' + i, i); console.log(i, ticks) }))
      clearInterval(timer)
      const other = new ClassicLevel('data')
      await other.open().catch((error) => console.log(error.code, error.cause?.code))
      await db.close()
      console.log(db.status)
    }
    main()`,
  'functions, classes, promises and errors': `
    const { crc32, crc32c } = require('@node-rs/crc32')
    const { ResolverFactory } = require('unrs-resolver')
    const { unpack, pack } = require('msgpackr')
    console.log(crc32('hello'), crc32c(Buffer.from('world'), 5))
    try { crc32() } catch (error) { console.log(error.message, error.code) }
    const resolver = new ResolverFactory({ extensions: ['.js', '.cjs'] })
    console.log(resolver instanceof ResolverFactory, Object.getOwnPropertyNames(ResolverFactory.prototype))
    console.log(resolver.sync(__dirname, 'msgpackr'), resolver.sync(__dirname, 'nowhere'))
    const clone = resolver.cloneWithOptions({})
    console.log(clone instanceof ResolverFactory, clone.constructor === ResolverFactory, clone.sync(__dirname, 'ws').path)
    class Own extends ResolverFactory { twice(name) { return [this.sync(__dirname, name), this.sync(__dirname, name)] } }
    console.log(new Own().twice('ws').length)
    const names = ['ws', 'nowhere', 'tsx/package.json']
    Promise.all(names.map((name) => resolver.async(__dirname, name))).then((found) => console.log(found, Date.now()))
    const rows = Array.from({ length: 50 }, (_, i) => ({ name: 'a name that is long enough ' + i, value: Math.random() }))
    console.log(unpack(pack(rows))[49])`,
  ...(existsSync(join(SQLITE, 'build/Release')) && {
    'a database that calls back': `
      const Database = require(${JSON.stringify(SQLITE)})
      const db = new Database('data.db')
      console.log(db instanceof Database, db.open, db.name)
      db.exec('create table t (id integer primary key, name text, at real)')
      const insert = db.prepare('insert into t (name, at) values (?, ?)')
      db.transaction((names) => { for (const name of names) console.log(insert.run(name, Math.random())) })(['a', 'b'])
      for (const row of db.prepare('select random() as chance, * from t').iterate()) console.log(row)
      db.function('twice', (x) => x * 2 + Math.random())
      console.log(db.prepare('select twice(?) as v').pluck().get(21))
      db.aggregate('sum_of', { start: 0, step: (total, next) => total + next })
      console.log(db.prepare('select sum_of(id) as v from t').get())
      try { db.prepare('select nothing') } catch (error) { console.log(error instanceof Database.SqliteError, error.code) }
      const thrown = new Error('mine')
      db.function('fail', () => { throw thrown })
      try { db.prepare('select fail()').get() } catch (error) { console.log(error === thrown) }
      console.log(db.serialize().length)
      db.close()
      try { insert.run('c', 1) } catch (error) { console.log(error.name, error.message) }`,
  }),
}

for (const [name, text] of Object.entries(PROGRAMS)) {
  t.test(`[B1] a native addon: ${name}, ${TIMES} times of ${TIMES}`, async (t) => {
    const dir = t.testdir({ 'program.cjs': text })
    symlinkSync(MODULES, join(dir, 'node_modules'))
    const recorded = await recordInputs([process.execPath, 'program.cjs'], { cwd: dir })
    t.equal(recorded.code, 0, recorded.stderr)
    for (const made of ['data', 'data.db']) rmSync(join(dir, made), { recursive: true, force: true })
    for (let n = 0; n < TIMES; n++) {
      const { verdict, stdout, stderr } = await replayInputs(dir)
      t.match(verdict, { kind: 'exact', code: 0 })
      t.equal(stdout, recorded.stdout)
      t.equal(stderr, recorded.stderr)
      t.notOk(existsSync(join(dir, 'data')) || existsSync(join(dir, 'data.db')), 'the addon is not loaded')
    }
  })
}
