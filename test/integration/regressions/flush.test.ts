import { describe, expect, it } from 'vitest'
import { VarveError } from '../../../src/errors.ts'
import type { File } from '../../../src/fs/filesystem.ts'
import { expectCode, openBytes, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { engineOf, failOnce, forbidSpinning, freeDisk, turn, within } from './support.ts'

/** A database that was closed with one entry in its journal. */
async function closedDisk(): Promise<FaultyFileSystem> {
  const disk = new FaultyFileSystem()
  const db = await openText(disk)
  db.putSync('a', 'b')
  db.keyspaceSync('x').putSync('a', 'b')
  await db.close()
  return disk
}

describe('flush as the first action after a clean reopen', () => {
  it('works', async () => {
    const disk = await closedDisk()
    const db = await openText(disk)
    db.flushSync()
    expect(db.stats().keyspaces[0]).toMatchObject({ tables: 1, memtables: 0 })
    db.putSync('c', 'd')
    await db.close()
    const again = await openText(disk)
    expect([...again.rangeSync()]).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })

  it('works asynchronously', async () => {
    const db = await openText(await closedDisk())
    await db.flush()
    expect(db.stats().keyspaces[0]).toMatchObject({ tables: 1, memtables: 0 })
    db.putSync('c', 'd')
    await db.close()
  })

  it('works for one keyspace', async () => {
    for (const now of [true, false]) {
      const db = await openText(await closedDisk())
      const x = db.keyspaceSync('x')
      if (now) x.flushSync()
      else await x.flush()
      expect(db.stats().keyspaces).toMatchObject([{ tables: 0 }, { tables: 1, memtables: 0 }])
      x.putSync('c', 'd')
      await db.close()
    }
  })
})

// It was sealed before its epoch began; the flush in the background then found no manifest, and poisoned.
describe('flush as the first action after a clean reopen on a full disk', () => {
  const steps = [
    ['.wal', true],
    ['.wal', false],
    ['.man', true],
    ['.man', false],
  ] as const
  it.each(steps)(
    'is DISK_FULL and no more than that (create %s, synchronous: %s)',
    async (extension, sync) => {
      const disk = await closedDisk()
      const db = await openText(disk)
      failOnce(disk, 0, extension, 'create', 'ENOSPC')
      await expectCode('DISK_FULL', () => (sync ? db.flushSync() : db.flush()))
      for (let i = 0; i < 5; i++) await turn()
      expect(db.stats().backgroundError).toBeUndefined()
      expect(disk.log.filter(({ kind, name }) => kind === 'create' && name.endsWith('.sst'))).toEqual([])
      await db.flush()
      db.putSync('c', 'd')
      await db.close()
      const again = await openText(disk)
      expect([...again.keysSync()]).toEqual(['a', 'c'])
      await again.close()
    },
  )
})

describe('flush()', () => {
  it('does not flush an empty memtable', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    for (let i = 0; i < 3; i++) {
      db.flushSync()
      await db.flush()
    }
    expect(disk.log.filter(({ kind, name }) => kind === 'create' && name.endsWith('.sst'))).toEqual([])
    db.putSync('a', 'b')
    db.flushSync()
    await db.flush()
    expect(db.stats().keyspaces[0]).toMatchObject({ tables: 1, memtables: 0 })
  })

  it('on a poisoned database rejects instead of spinning', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    const x = db.keyspaceSync('x')
    db.putSync('a', 'b')
    x.putSync('a', 'b')
    failOnce(disk, 0, '.wal', 'write', 'EIO')
    await expectCode('POISONED', () => db.putSync('c', 'd'))
    freeDisk(disk)
    forbidSpinning(db)
    await expectCode('POISONED', () => within(1000, db.flush()))
    await expectCode('POISONED', () => within(1000, x.flush()))
    await expectCode('POISONED', () => db.flushSync())
    await expectCode('POISONED', () => within(1000, db.persist()))
    await expectCode('POISONED', () => db.keyspaceSync('y'))
    expect(db.getSync('a')).toBe('b')
    // It cannot promise that everything is durable, but it lets go of all it holds.
    await expectCode('POISONED', () => within(1000, db.close()))
    expect(disk.locked).toBe(false)
    expect(disk.openFileCount).toBe(0)
  })

  it('on a closing or closed database rejects instead of spinning', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    const x = db.keyspaceSync('x')
    db.putSync('a', 'b')
    x.putSync('a', 'b')
    forbidSpinning(db)
    const closing = db.close()
    const late = [() => db.flush(), () => x.flush(), () => db.persist()].map((step) =>
      expectCode('CLOSED', () => within(1000, step())),
    )
    await Promise.all(late)
    await within(1000, closing)
    await expectCode('CLOSED', () => within(1000, db.flush()))
    expect(disk.openFileCount).toBe(0)
    const again = await openText(disk)
    expect(again.getSync('a')).toBe('b')
  })

  it('called again and again without waiting seals no more memtables than a record can name', async () => {
    const db = await openText()
    const flushes: Promise<void>[] = []
    for (let i = 0; i < 30; i++) {
      db.putSync(`k${i}`, 'v')
      flushes.push(db.flush())
      for (let j = 0; j < 5; j++) await null
    }
    await within(5000, Promise.all(flushes))
    expect(db.stats().keyspaces[0]).toMatchObject({ memtables: 0, tableEntries: 30 })
    expect([...db.keysSync()].length).toBe(30)
  })

  it('of a keyspace that is dropped meanwhile ends and leaves no file', async () => {
    const disk = new FaultyFileSystem()
    const db = await openBytes({ memtableSize: 4 << 20 }, disk)
    const pages = engineOf(db).kernel.freePages()
    for (let turns = 0; turns < 8; turns++) {
      const x = db.keyspaceSync('x')
      for (let i = 0; i < 1000; i++) x.putSync(`k${i}`, new Uint8Array(1000))
      const flush = x.flush().catch((error: unknown) => (error as VarveError).code)
      for (let i = 0; i < turns; i++) await turn()
      db.dropKeyspaceSync('x')
      expect(['NOT_FOUND', undefined]).toContain(await within(2000, flush))
    }
    expect([...disk.snapshotFiles().keys()].filter((name) => name.endsWith('.sst'))).toEqual([])
    db.putSync('a', 'b')
    expect(engineOf(db).kernel.freePages()).toBeGreaterThan(pages - 10)
  })

  it('whose background sync failed poisons, although a writer flushed the same entries meanwhile', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    db.putSync('a', 'b')
    const file = await disk.open('superblock-a', false)
    const prototype = Object.getPrototypeOf(file) as File
    file.close()
    // NOTE: the error of an fdatasync goes to whoever asked for it; the next one on the file may well succeed.
    const original = Object.getOwnPropertyDescriptor(prototype, 'syncAsync') as PropertyDescriptor
    let overtaken = false
    prototype.syncAsync = function (this: File): Promise<void> {
      if (!this.name.endsWith('.sst')) return Reflect.apply(original.value as () => Promise<void>, this, [])
      return (async () => {
        await turn()
        db.flushSync()
        overtaken = true
        throw new VarveError('IO', 'The disk failed.')
      })()
    }
    try {
      await db.flush().catch((error: unknown) => expect((error as VarveError).code).toBe('POISONED'))
    } finally {
      Object.defineProperty(prototype, 'syncAsync', original)
    }
    expect(overtaken).toBe(true)
    await expectCode('POISONED', () => db.putSync('c', 'd'))
    expect(db.getSync('a')).toBe('b')
  })
})

it('a failed sync of what a dropped range leaves of a table poisons', async () => {
  const fileSystem = new FaultyFileSystem()
  const db = await openText(fileSystem)
  for (let i = 0; i < 100; i++) db.putSync(String(i).padStart(3, '0'), 'v')
  db.flushSync()
  fileSystem.onOperation = (_index, kind, name) =>
    kind === 'sync' && name.endsWith('.sst') ? { syncFails: 'keepsPages' } : 'continue'
  await expectCode('POISONED', () => db.dropRangeSync({ gte: '010', lt: '050' }))
  fileSystem.onOperation = undefined
  await expectCode('POISONED', () => db.putSync('k', 'v'))
  expect(db.countSync()).toBe(100)
  await db.close().catch(() => undefined)
  const again = await openText(fileSystem)
  expect(again.countSync()).toBe(100)
  await again.close()
})
