import { describe, expect, it } from 'vitest'
import { expectCode, openText, type TextDatabase } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { ScarcePool } from '../../torture/oom/shortage.ts'
import { codeOf, engineOf, freePages, keeperOf, turn } from './support.ts'

/** Takes all pages, and all free records of up to 64 bytes. @returns what gives them back */
function takeAll(db: TextDatabase): () => void {
  const { kernel } = engineOf(db)
  const pages = Array.from({ length: freePages(db) }, () => kernel.page())
  const records: number[] = []
  for (let record = kernel.exports.allocateRecord(64); record !== 0;) {
    records.push(record)
    record = kernel.exports.allocateRecord(64)
  }
  return () => {
    for (const record of records) kernel.exports.freeRecord(record, 64)
    for (const page of pages) kernel.exports.freePage(page)
  }
}

describe('with the smallest memory', () => {
  it('writes go on beside a compaction that reads many runs', async () => {
    const db = await openText(new FaultyFileSystem())
    const { kernel, events } = engineOf(db)
    for (let run = 0; run < 40; run++) {
      for (let i = 0; i < 100; i++) db.putSync(`${i}`, `${run} ${'x'.repeat(100)}`)
      db.flushSync()
    }
    // Other users of memory: blocks, records of tables, cursors.
    const taken = Array.from({ length: freePages(db) - 70 }, () => kernel.page())
    keeperOf(db).compactor.sliceMs = 0
    let compactions = 0
    events.on('compaction', () => compactions++)
    while (freePages(db) > 40) await turn()
    expect(compactions).toBe(0)
    for (let i = 0; i < 3000; i++) db.putSync(`new ${i}`, 'x'.repeat(1000))
    for (const page of taken) kernel.exports.freePage(page)
    await db.compact()
    expect(compactions).toBeGreaterThan(0)
    expect(db.getSync('5')).toBe(`39 ${'x'.repeat(100)}`)
    expect(db.getSync('new 2999')).toBe('x'.repeat(1000))
    await db.close()
  })

  it.each(['range', 'verify', 'compact'])(
    'a %s goes on beside a compaction that has all pages',
    async (what) => {
      const db = await openText(new FaultyFileSystem())
      const { kernel } = engineOf(db)
      const other = await db.keyspace('other')
      other.putSync('k', 'v')
      other.flushSync()
      for (let run = 0; run < 40; run++) {
        for (let i = 0; i < 100; i++) db.putSync(`${i}`, `${run} ${'x'.repeat(100)}`)
        db.flushSync()
      }
      keeperOf(db).compactor.sliceMs = 0
      const taken = Array.from({ length: freePages(db) - 70 }, () => kernel.page())
      while (freePages(db) > 40) await turn()
      while (freePages(db) > 8) taken.push(kernel.page())
      if (what === 'range') expect([...other.rangeSync()]).toHaveLength(1)
      else if (what === 'compact') await other.compact()
      else expect((await db.verify()).problems).toEqual([])
      for (const page of taken) kernel.exports.freePage(page)
      await db.close()
    },
  )
})

describe('without pages', () => {
  it('the first write of an open is refused, and the next one is not', async () => {
    const files = new FaultyFileSystem()
    await (await openText(files)).close()
    const db = await openText(files)
    const giveBack = takeAll(db)
    expect(codeOf(() => db.putSync('k', 'v'))).toBe('NO_MEMORY')
    giveBack()
    db.putSync('k', 'v')
    expect(db.getSync('k')).toBe('v')
    await db.close()
  })

  it('no keyspace is created, neither here nor in the manifest', async () => {
    const files = new FaultyFileSystem()
    const db = await openText(files)
    db.putSync('k', 'v')
    const giveBack = takeAll(db)
    expect(codeOf(() => db.keyspaceSync('x'))).toBe('NO_MEMORY')
    giveBack()
    expect(db.keyspaces()).toEqual([])
    await db.close()
    const again = await openText(files)
    expect(again.keyspaces()).toEqual([])
    await again.close()
  })

  it('an open that fails at any point leaves no file open and no lock', async () => {
    const files = new FaultyFileSystem()
    const first = await openText(files)
    first.putSync('k', 'v')
    await first.close()
    const pool = new ScarcePool()
    await pool.during(async () => (await openText(files)).close())
    for (const { call, name, pages } of pool.allocations) {
      const left = pages === 0 ? undefined : pages - 1
      await new ScarcePool({ call, name, left, until: 'call' }).during(() =>
        expectCode('NO_MEMORY', () => openText(files)),
      )
      expect([files.openFileCount, files.locked], name).toEqual([0, false])
    }
  })
})
