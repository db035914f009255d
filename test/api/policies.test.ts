import { describe, expect, it } from 'vitest'
import { filesEnding, keeperOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { openText, type TextDatabase } from './support.ts'

const numbered = (i: number): string => String(i).padStart(6, '0')
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function bytesOf(db: TextDatabase): number {
  return db.stats().keyspaces[0]?.tableBytes ?? 0
}

describe('policies of a keyspace', () => {
  it('are kept over a reopen, and changed by giving others', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { tables: { blockSize: [1024, 8192], compression: 'lz4' } })
    db.keyspaceSync('events', { ...text, compaction: { strategy: 'fifo', sizeLimit: 5000, ttl: 60_000 } })
    db.keyspaceSync('plain', text)
    await db.close()
    const again = await openText(fileSystem)
    const policy = (name: string): unknown => keeperOf(again).treeNamed(name)?.policy
    expect(policy('')).toMatchObject({ strategy: 'leveled', blockBytes: [1024, 8192], compressions: ['lz4'] })
    expect(policy('events')).toMatchObject({ strategy: 'fifo', sizeLimitBytes: 5000, ttlMs: 60_000 })
    expect(policy('plain')).toMatchObject({ strategy: 'leveled', blockBytes: [4096], bitsPerKey: [10] })
    again.keyspaceSync('events', { ...text, tables: { bitsPerKey: [0, 12] } })
    again.keyspaceSync('events', text)
    await again.close()
    const third = await openText(fileSystem)
    expect(keeperOf(third).treeNamed('events')?.policy).toMatchObject({
      strategy: 'fifo',
      bitsPerKey: [0, 12],
    })
    third.keyspaceSync('events', { ...text, compaction: { strategy: 'leveled' } })
    expect(keeperOf(third).treeNamed('events')?.policy).toMatchObject({ strategy: 'leveled', ttlMs: 0 })
    await third.close()
  })

  it('go by level: flushed tables, the base level, and below', async () => {
    const fill = async (options: object): Promise<[flushed: number, compacted: number, filter: boolean]> => {
      const db = await openText(undefined, options)
      for (let i = 0; i < 4000; i++) db.putSync(numbered(i), 'x'.repeat(100))
      db.flushSync()
      const flushed = bytesOf(db)
      for (let i = 0; i < 4000; i += 2) db.putSync(numbered(i), 'y'.repeat(100))
      db.compactSync()
      const compacted = bytesOf(db)
      const files = [...(keeperOf(db).trees.get(0)?.files.values() ?? [])]
      expect([...db.keysSync()].length).toBe(4000)
      expect((await db.verify()).problems).toEqual([])
      await db.close()
      return [flushed, compacted, files.every(({ filter }) => filter !== undefined)]
    }
    const [flushed, compacted, filter] = await fill({ tables: { compression: 'none' } })
    expect(filter).toBe(true)
    // What a compact() writes to the last level counts as the lowest.
    const usual = await fill({})
    expect(usual[0]).toBe(flushed)
    expect(usual[1]).toBeLessThan(compacted / 2)
    const none = await fill({ tables: { compression: ['none', 'lz4'], bitsPerKey: [10, 0] } })
    expect(none[0]).toBe(flushed)
    expect(none[1]).toBeLessThan(compacted / 2)
    expect(none[2]).toBe(false)
    const lz4 = await fill({ tables: { compression: 'lz4' } })
    expect(lz4[0]).toBeLessThan(flushed / 2)
    const small = await fill({ tables: { blockSize: 256, restartInterval: 1 } })
    expect(small[0]).toBeGreaterThan(flushed * 1.05)
    const wide = await fill({ tables: { compression: 'none', restartInterval: [4, 32] } })
    expect(wide[0]).toBe(flushed)
    expect(wide[1]).toBeLessThan(compacted)
  })

  it('that cannot be are refused before anything is created', async () => {
    const fileSystem = new FaultyFileSystem()
    for (const [options, kind] of [
      [{ tables: { blockSize: 100 } }, RangeError],
      [{ tables: { blockSize: [] } }, RangeError],
      [{ tables: { blockSize: [4096, 4096, 4096, 4096, 4096, 4096, 4096, 4096] } }, RangeError],
      [{ tables: { restartInterval: 0 } }, RangeError],
      [{ tables: { restartInterval: 1.5 } }, RangeError],
      [{ tables: { bitsPerKey: 41 } }, RangeError],
      [{ tables: { bitsPerKey: 'ten' } }, TypeError],
      [{ tables: { compression: 'zstd' } }, TypeError],
      [{ tables: { compression: ['none', 1] } }, TypeError],
      [{ tables: { pages: 4 } }, TypeError],
      [{ tables: 4096 }, TypeError],
      [{ compaction: { strategy: 'universal' } }, TypeError],
      [{ compaction: { sizeLimit: 5 } }, TypeError],
      [{ compaction: { strategy: 'fifo', ttl: -1 } }, RangeError],
      [{ compaction: { strategy: 'fifo', sizeLimit: '5' } }, TypeError],
    ] as [object, typeof TypeError][]) {
      await expect(openText(fileSystem, options), JSON.stringify(options)).rejects.toThrow(kind)
    }
    expect(filesEnding(fileSystem, '')).toEqual([])
    const db = await openText(fileSystem)
    expect(() => db.keyspaceSync('a', { ...text, tables: { blockSize: 1 } })).toThrow('blockSize must be')
    expect(db.keyspaces()).toEqual([])
    await db.close()
  })
})

describe('a FIFO keyspace', () => {
  const fifo = (compaction: object): object => ({
    memtableSize: 16_384,
    compaction: { strategy: 'fifo', ...compaction },
  })

  it('holds its tables within the limit, and drops the oldest entries first', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = withSmallLevels(await openText(fileSystem, fifo({ sizeLimit: 100_000 })))
    for (let i = 0; i < 5000; i++) {
      db.putSync(numbered(i), 'x'.repeat(100))
      if (i % 50 === 0) await turn()
    }
    db.flushSync()
    await db.compact()
    expect(bytesOf(db)).toBeLessThanOrEqual(100_000)
    const keys = [...db.keysSync()]
    expect(keys.length).toBeGreaterThan(400)
    expect(keys.at(-1)).toBe(numbered(4999))
    expect(keys).toEqual(Array.from({ length: keys.length }, (_, i) => numbered(5000 - keys.length + i)))
    expect((await db.verify()).problems).toEqual([])
    await db.close()
    const again = await openText(fileSystem)
    expect([...again.keysSync()]).toEqual(keys)
    await again.close()
  })

  it('drops what is too old, while snapshots and iterators go on with it, and new entries stay', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, fifo({ ttl: 30 }))
    for (let i = 0; i < 300; i++) db.putSync(numbered(i), 'old')
    db.flushSync()
    const snapshot = db.snapshot()
    const iterator = db.keysSync()[Symbol.iterator]()
    expect(iterator.next().value).toBe(numbered(0))
    db.putSync('new in memory', '1')
    await new Promise((resolve) => setTimeout(resolve, 40))
    await db.compact()
    expect(db.getSync(numbered(5))).toBeUndefined()
    expect([...db.keysSync()]).toEqual(['new in memory'])
    expect([...snapshot.keysSync()].length).toBe(300)
    for (let i = 1; i < 300; i++) expect(iterator.next().value).toBe(numbered(i))
    expect(iterator.next().done).toBe(true)
    snapshot.close()
    expect([...db.keysSync()]).toEqual(['new in memory'])
    const files = filesEnding(fileSystem, '.sst').length
    expect(files).toBeLessThan(2)
    await db.close()
  })
})
