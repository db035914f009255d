/** What a caller gives is read once: what changes afterwards, or says something else the second time, does not count. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import type { Encoding } from '../../src/api/types.ts'
import { FaultyFileSystem } from '../support/faulty.ts'

const options = { memoryLimit: 16 * 1024 * 1024 } as const

/** Properties that were asked for more than once. */
const askedAgain: string[] = []

/** An object that gives other answers from the second time on that it is asked. */
function fickle<T extends object>(first: T, second: object): T {
  const asked = new Set<PropertyKey>()
  return new Proxy(first, {
    get(target, property, receiver): unknown {
      const again = asked.has(property)
      if (again) askedAgain.push(String(property))
      asked.add(property)
      return Reflect.get(again && property in second ? second : target, property, receiver)
    },
  })
}

describe('options', () => {
  it('of every call are read once, nested ones and encodings too', async () => {
    const encoding: Encoding<string> = {
      encode: (text) => new TextEncoder().encode(text),
      decode: (bytes) => new TextDecoder().decode(bytes),
    }
    const broken: Encoding<string> = { encode: () => new Uint8Array([66]), decode: () => 'bad' }
    const db = await openOn(
      new FaultyFileSystem(),
      fickle(
        {
          ...options,
          durability: 'sync' as const,
          keyEncoding: fickle(encoding, broken),
          valueEncoding: fickle({ ...encoding }, broken),
          tables: fickle({ blockSize: 1024, bitsPerKey: 8 }, { blockSize: -1 }),
          compaction: fickle({ strategy: 'leveled' as const }, { strategy: 'nonsense' }),
        },
        { durability: 'nonsense', keyEncoding: broken },
      ),
    )
    db.putSync('b', 'v', fickle({ durability: 'os' as const }, { durability: 'nonsense' }))
    const bounds = fickle({ gte: 'a', lt: 'c', reverse: false, limit: 5 }, { gte: 'z', limit: 0 })
    expect([...db.rangeSync(bounds)]).toEqual([['b', 'v']])
    const keyspace = await db.keyspace(
      'other',
      fickle({ valueEncoding: 'utf8' as const }, { valueEncoding: 'json' }),
    )
    keyspace.putSync(new Uint8Array([1]), 'x')
    const operation = { type: 'put' as const, key: 'c', value: 'w' }
    db.writeSync([fickle(operation, { type: 'nonsense', key: 'd' })])
    expect(db.getSync('c')).toBe('w')
    const view = db.withEncodings(fickle({ keyEncoding: fickle(encoding, broken) }, {}))
    expect(view.hasSync('c')).toBe(true)
    expect(askedAgain).toEqual([])
    await db.close()
  })

  it('are own properties only, and prototypes in data stay data', async () => {
    const files = new FaultyFileSystem()
    const polluted = Object.prototype as Record<string, unknown>
    polluted['durability'] = 'none'
    polluted['gte'] = 'z'
    polluted['limit'] = 0
    try {
      const db = await openOn(files, { ...options, keyEncoding: 'utf8', valueEncoding: 'json' })
      db.putSync('a', JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}'))
      expect([...db.rangeSync({})]).toHaveLength(1)
      expect(JSON.stringify(db.getSync('a'))).toBe(
        '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}',
      )
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
      expect(db.stats().journals).toBe(1)
      await db.close()
    } finally {
      delete polluted['durability']
      delete polluted['gte']
      delete polluted['limit']
    }
    await expect(openOn(files, JSON.parse('{"__proto__":{"durability":"none"}}') as never)).rejects.toThrow(
      /has no option '__proto__'/,
    )
  })
})

describe('bytes that another thread changes all the time', () => {
  it('are copied once: what is read, now and after a crash, is one thing, and no frame fails its checksum', async () => {
    const shared = new SharedArrayBuffer(4 + 2000)
    const flag = new Int32Array(shared, 0, 1)
    const bytes = new Uint8Array(shared, 4)
    const script = `
      const { workerData } = require('node:worker_threads')
      const flag = new Int32Array(workerData, 0, 1)
      const bytes = new Uint8Array(workerData, 4)
      for (let i = 1; Atomics.load(flag, 0) === 0; i++) bytes.fill(i)
    `
    const worker = new Worker(script, { eval: true, workerData: shared })
    await new Promise((resolve) => worker.once('online', resolve))
    const files = new FaultyFileSystem()
    const db = await openOn(files, options)
    for (let i = 0; i < 400; i++) {
      const key = bytes.subarray(0, 1 + (i % 40))
      if (i % 3 === 0) db.putSync(key, bytes)
      else if (i % 3 === 1) await db.put(key, bytes)
      else await db.batch().put(key, bytes).delete(bytes.subarray(0, 60)).commit()
      db.getSync(key)
      expect([...db.rangeSync({ prefix: key, limit: 2 })].length).toBeLessThanOrEqual(2)
      if (i % 90 === 0) await db.flush()
    }
    Atomics.store(flag, 0, 1)
    await worker.terminate()
    const seen = [...db.rangeSync()]
    expect(seen.length).toBeGreaterThan(10)
    expect((await db.verify()).problems).toEqual([])
    const crashed = await openOn(
      files.crashImage('keepAll', () => 0.5),
      options,
    )
    expect(crashed.recovery.droppedBytes).toBe(0)
    expect([...crashed.rangeSync()]).toEqual(seen)
    for (const [key, value] of seen) expect(crashed.getSync(key)).toEqual(value)
    await crashed.close()
    await db.close()
  })
})
