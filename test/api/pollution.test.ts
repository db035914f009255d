/** Object.prototype belongs to everybody in the process: what is on it must weaken nothing, redirect nothing and break nothing. */
import { afterEach, describe, expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { SMALL_MEMORY } from './support.ts'

const LURES: Readonly<Record<string, unknown>> = {
  durability: 'none',
  createIfMissing: false,
  errorIfExists: true,
  keyEncoding: 'utf8',
  valueEncoding: 'json',
  memoryLimit: 1,
  memtableSize: 1,
  flushInterval: 2147483647,
  stallTimeout: 0,
  maxPendingBytes: 1,
  recovery: 'strict',
  threads: 0,
  createWorker: () => {},
  compaction: { strategy: 'fifo', sizeLimit: 1 },
  tables: { compression: 'lz4' },
  limit: 0,
  reverse: true,
  gte: 'z',
  lt: 'a',
  prefix: 'z',
  slices: true,
  snapshot: 5,
  signal: AbortSignal.abort(),
  onProgress: 5,
  keyspace: 5,
  type: 'delete',
  cut: { offset: 0 },
  predecessor: { id: 1 },
  filter: { offset: 1, lines: 1, probes: 1 },
  syncDescriptor: 12_345,
  readAsync: undefined,
  cause: 'theirs',
  file: 'theirs',
}

/** Operations of the disk, contents, and what a power cut leaves, of a database that is used in most ways. */
async function live(): Promise<unknown> {
  const files = new FaultyFileSystem()
  const open = () =>
    openOn(files, { memoryLimit: SMALL_MEMORY, threads: 0, keyEncoding: 'utf8', valueEncoding: 'utf8' })
  const db = await open()
  const users = await db.keyspace('users')
  db.putSync('a', '1')
  await db.put('b', '2')
  await db.batch().put('c', '3').put(users, 'u', 'x').delete('b').commit({ durability: 'sync' })
  await db.write([{ type: 'put', key: 'd', value: '4' }])
  const killed = files.crashImage('keepAll', () => 0)
  const cut = files.crashImage('loseAll', () => 0)
  await db.flush()
  await db.compact()
  const snapshot = db.snapshot()
  db.putSync('e', '5')
  const seen: unknown[] = [
    [...db.rangeSync()],
    [...db.rangeSync({ gte: 'b' })],
    [...db.keysSync({ reverse: false })],
    await db.getMany(['a', 'b', 'e']),
    [...snapshot.rangeSync()],
    db.firstSync(),
    db.lastSync(),
    db.countSync(),
    (await db.verify()).problems,
    users.isEmptySync(),
  ]
  snapshot.close()
  await db.close()
  const again = await open()
  seen.push([...again.rangeSync()], again.recovery)
  await again.close()
  const left: unknown[] = []
  for (const image of [killed, cut]) {
    const found = await openOn(image, {
      memoryLimit: SMALL_MEMORY,
      threads: 0,
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
    })
    left.push([...found.rangeSync()])
    await found.close()
  }
  return { seen, left, disk: files.log.map(({ kind, name }) => `${kind} ${name}`) }
}

describe('Object.prototype', () => {
  afterEach(() => {
    for (const name of Object.keys(LURES)) Reflect.deleteProperty(Object.prototype, name)
  })

  it('changes nothing a database does, whatever is on it', async () => {
    const clean = JSON.stringify(await live())
    const lures: [string, unknown][] = Object.entries(LURES)
    for (const [name, value] of [...lures, ['', undefined] as const]) {
      // One after the other, and at last all of them at once.
      const some = name === '' ? lures : [[name, value] as const]
      for (const [each, lure] of some)
        Object.defineProperty(Object.prototype, each, {
          value: lure,
          configurable: true,
          writable: true,
          enumerable: false,
        })
      let polluted: unknown
      try {
        polluted = await live()
      } catch (error) {
        polluted = error
      } finally {
        for (const [each] of some) Reflect.deleteProperty(Object.prototype, each)
      }
      if (polluted instanceof Error) throw polluted
      expect(JSON.stringify(polluted), name).toBe(clean)
    }
  })

  it('is not reached by options that were parsed', async () => {
    const files = new FaultyFileSystem()
    const parsed = JSON.parse('{"__proto__":{"durability":"none"}}') as object
    await expect(openOn(files, parsed)).rejects.toThrow(TypeError)
    const inherited = Object.create({ durability: 'none', memoryLimit: 5 }) as object
    const db = await openOn(files, Object.assign(inherited, { memoryLimit: SMALL_MEMORY, threads: 0 }))
    db.putSync('k', 'v')
    expect(() =>
      db.putSync('k', 'w', JSON.parse('{"__proto__":{"durability":"buffered"}}') as object),
    ).toThrow(TypeError)
    const image = files.crashImage('keepAll', () => 0)
    await db.close()
    const again = await openOn(image, { memoryLimit: SMALL_MEMORY, threads: 0 })
    expect(again.getSync('k')).toEqual(new TextEncoder().encode('v'))
    await again.close()
    expect(({} as Record<string, unknown>)['durability']).toBeUndefined()
  })
})
