import t from 'tap'
import { testExact } from './exact.js'

// Not in Node 20.
if (process.getBuiltinModule('node:sqlite')) {
  testExact(t, "SQLite of Node's own", {
    file: 'program.mjs',
    text: `
    import { DatabaseSync, StatementSync } from 'node:sqlite'
    import { rmSync } from 'node:fs'
    rmSync('data.db', { force: true })
    const db = new DatabaseSync('data.db')
    console.log(db instanceof DatabaseSync, db.isOpen)
    db.exec('create table if not exists t (id integer primary key, name text, at real)')
    const insert = db.prepare('insert into t (name, at) values (?, ?)')
    console.log(insert instanceof StatementSync, insert.sourceSQL, insert.expandedSQL)
    for (const name of ['a', 'b']) console.log(insert.run(name, Math.random()))
    console.log(db.prepare('select random() % 1000 as chance, * from t').all())
    console.log(db.prepare('select random() % 1000 as chance, * from t where id = ?').get(1), db.prepare('select name from t where id = $id').get({ $id: 2 }))
    for (const row of db.prepare('select * from t').iterate?.() ?? []) console.log(row)
    db.function?.('twice', (x) => x * 2 + Math.random())
    if (db.function) console.log(db.prepare('select twice(21) as v').get())
    try { db.prepare('select nothing') } catch (error) { console.log(error.code, error.errcode, error.message) }
    const memory = new DatabaseSync(':memory:')
    memory.exec('create table x (v blob)')
    memory.prepare('insert into x values (?)').run(new Uint8Array([1, 2, 3]))
    console.log(memory.prepare('select * from x').all())
    const big = db.prepare('select 9007199254740993 as n')
    big.setReadBigInts(true)
    console.log(big.get())
    db.close()
    console.log(db.isOpen)
    try { insert.run('c', 1) } catch (error) { console.log(error.code, error.message) }`,
  })
} else t.pass('this Node has none')
