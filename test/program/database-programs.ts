import type { LoadedProgram } from './loads.js'

/** Clients of real servers: PORT and PASSWORD say where and how. */
export const DATABASE_PROGRAMS: Readonly<Record<string, LoadedProgram & { readonly server: 'redis' | 'postgres' }>> = {
  redis: {
    server: 'redis',
    file: 'redis.mjs',
    loads: ['10', '300'],
    text: `
      import { createClient } from 'redis'
      const port = process.env.PORT
      const client = createClient({ url: 'redis://127.0.0.1:' + port })
      client.on('error', (error) => console.log('error', error.message))
      await client.connect()
      await client.flushDb()
      const N = Number(process.argv[2] ?? 100)
      console.log(await client.set('a', Math.random()), await client.get('a'), (await client.info('server')).match(/run_id:\\w+/)[0], await client.time())
      console.log((await Promise.all(Array.from({ length: N }, async (_, i) => { await client.set('k' + i, 'v'.repeat(i)); return (await client.get('k' + i)).length }))).join())
      for (let i = 0; i < N; i++) await client.incr('count')
      console.log(await client.get('count'))
      console.log(await client.multi().incr('n').incrBy('n', 5).get('n').exec())
      const sub = client.duplicate(); await sub.connect()
      const got = new Promise((d) => sub.subscribe('news', (m, c) => { console.log(c, m); if (m === 'end') d() }))
      for (let i = 0; i < 5; i++) await client.publish('news', 'item ' + Math.random())
      await client.publish('news', 'end'); await got
      try { await client.sendCommand(['NOPE']) } catch (e) { console.log(e.message) }
      console.log(await client.eval('return {KEYS[1], redis.call("time")[2]}', { keys: ['x'] }))
      const blocking = client.duplicate(); await blocking.connect()
      const popped = blocking.blPop('list', 2); setTimeout(() => client.rPush('list', 'late'), 10); console.log(await popped)
      await sub.close(); await blocking.close(); await client.close(); console.log('end')`,
  },
  ioredis: {
    server: 'redis',
    file: 'ioredis.cjs',
    loads: ['10', '100'],
    text: `
      const { Redis } = require('ioredis')
      const redis = new Redis(Number(process.env.PORT), '127.0.0.1', { db: 1 })
      const N = Number(process.argv[2] ?? 100)
      async function main() {
        await redis.flushdb()
        console.log(await redis.set('a', Math.random()), await redis.get('a'), await redis.time())
        console.log((await Promise.all(Array.from({ length: N }, async (_, i) => { await redis.set('k' + i, 'v'.repeat(i)); return (await redis.get('k' + i)).length }))).join())
        for (let i = 0; i < N; i++) await redis.incr('count')
        console.log(await redis.get('count'))
        const pipe = redis.pipeline(); for (let i = 0; i < 10; i++) pipe.hset('h', 'f' + i, Math.random()); console.log((await pipe.exec()).length, await redis.hgetall('h'))
        const stream = redis.scanStream({ match: 'k*', count: 20 }); let keys = []; for await (const some of stream) keys.push(...some); console.log(keys.length, keys[0])
        const sub = redis.duplicate(); await sub.subscribe('ch'); const got = new Promise((d) => sub.on('message', (c, m) => { console.log(c, m); if (m === '4') d() }))
        for (let i = 0; i < 5; i++) redis.publish('ch', String(i)); await got
        await redis.nope?.()
        await redis.call('NOPE').catch((e) => console.log(e.message))
        redis.defineCommand('twice', { numberOfKeys: 1, lua: 'return {redis.call("incr", KEYS[1]), redis.call("time")}' }); console.log(await redis.twice('c'), await redis.twice('c'))
        sub.disconnect(); await redis.quit()
        const lost = new Redis(1, '127.0.0.1', { retryStrategy: (n) => n > 2 ? null : 5, maxRetriesPerRequest: 1 }); lost.on('error', (e) => console.log('lost', e.code)); await lost.get('x').catch((e) => console.log(e.message)); console.log('end')
      }
      main()`,
  },
  pg: {
    server: 'postgres',
    file: 'pg.mjs',
    loads: ['10', '100'],
    text: `
      import pg from 'pg'
      const pool = new pg.Pool({ host: '127.0.0.1', port: Number(process.env.PORT), user: 'tester', password: process.env.PASSWORD, database: 'postgres', max: 5 })
      const N = Number(process.argv[2] ?? 100)
      console.log((await pool.query('select now() as at, random() as r, pg_backend_pid() as pid')).rows)
      await pool.query('drop table if exists items; create table items (id serial primary key, name text, size float, data jsonb, raw bytea)')
      console.log((await Promise.all(Array.from({ length: N }, async (_, i) => (await pool.query('insert into items (name, size, data, raw) values ($1, random(), $2, $3) returning id, size', ['n' + i, { i, list: [1, 2] }, Buffer.alloc(i, i)])).rows[0]))).map((r) => r.id + ':' + r.size).join(' '))
      for (let i = 0; i < N; i++) await pool.query('select $1::int', [i])
      const client = await pool.connect()
      client.on('notice', (n) => console.log('notice', n.message)).on('notification', (n) => console.log('notified', n.channel, n.payload))
      await client.query('listen news'); await client.query("select pg_notify('news', random()::text)")
      await client.query("do $$ begin raise notice 'noted %', clock_timestamp(); end $$")
      await client.query('begin'); await client.query('delete from items where id > $1', [N / 2]); await client.query('rollback')
      console.log((await client.query({ name: 'prepared', text: 'select count(*)::int as n from items where size < $1', values: [Math.random()] })).rows)
      try { await client.query('select nonsense') } catch (e) { console.log(e.code, e.message, e.position) }
      client.release()
      const two = await pool.connect(); const sleeping = two.query('select pg_sleep(5)'); setTimeout(() => pool.query('select pg_cancel_backend($1)', [two.processID]), 20); await sleeping.catch((e) => console.log(e.message)); two.release()
      console.log((await pool.query('select id, name, data, raw from items where id <= 3 order by id')).rows)
      await pool.end(); console.log('end')`,
  },
}
