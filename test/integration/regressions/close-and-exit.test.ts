import { describe, expect, it } from 'vitest'
import { expectCode, openBytes, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { engineOf, fillDisk, freeDisk, keeperOf, text, turn, within } from './support.ts'

describe('close()', () => {
  it('called twice ends once, and both wait for the end', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    db.putSync('a', 'b')
    const first = db.close()
    await db.close()
    expect(disk.locked).toBe(false)
    expect(disk.openFileCount).toBe(0)
    const again = await openText(disk)
    await first
    await db.close()
    // A late second end of the first database would free the lock of the second.
    expect(disk.locked).toBe(true)
    expect(again.getSync('a')).toBe('b')
    await again.close()
    expect(
      disk.log.filter(({ kind, name }) => kind === 'write' && name.endsWith('.man')).length,
    ).toBeLessThan(5)
  })

  it('leaves no journal when all is in tables, and else keeps it', async () => {
    const journals = async (disk: FaultyFileSystem): Promise<number> =>
      (await disk.list()).filter((name) => name.endsWith('.wal')).length
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    db.putSync('a', 'b')
    await db.flush()
    await db.close()
    expect(await journals(disk)).toBe(0)
    const second = await openText(disk)
    expect(second.recovery.droppedBytes).toBe(0)
    expect(second.getSync('a')).toBe('b')
    second.putSync('a', 'c')
    await second.close()
    expect(await journals(disk)).toBe(1)
    const third = await openText(disk)
    expect(third.getSync('a')).toBe('c')
    third.putSync('d', 'e')
    third.flushSync()
    await third.close()
    expect(await journals(disk)).toBe(0)
    const last = await openText(disk)
    expect([...last.rangeSync()]).toEqual([
      ['a', 'c'],
      ['d', 'e'],
    ])
    await last.close()
  })

  it('of many short programs leaves few tables', { timeout: 20_000 }, async () => {
    for (const durability of ['os', 'none'] as const) {
      const disk = new FaultyFileSystem()
      let tables = 0
      for (let i = 0; i < 200; i++) {
        const db = await openText(disk, { durability })
        db.putSync('a', String(i))
        await db.close()
        tables = Math.max(tables, (await disk.list()).filter((name) => name.endsWith('.sst')).length)
      }
      expect(tables).toBeGreaterThan(1)
      expect(tables).toBeLessThanOrEqual(14)
    }
  })

  it('nor do many that are killed', async () => {
    let disk = new FaultyFileSystem()
    for (let i = 0; i < 200; i++) {
      const db = await openText(disk)
      db.putSync('a', String(i))
      disk = disk.clone()
    }
    expect((await disk.list()).filter((name) => name.endsWith('.sst')).length).toBeLessThanOrEqual(14)
  })

  it('on a full disk says so each time and still gives lock and files back', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    db.putSync('a', 'b')
    fillDisk(disk, '.man')
    const [first, second] = [db.close(), db.close()]
    await expectCode('DISK_FULL', () => first)
    await expectCode('DISK_FULL', () => second)
    expect(disk.locked).toBe(false)
    expect(disk.openFileCount).toBe(0)
    freeDisk(disk)
    const again = await openText(disk)
    expect(again.getSync('a')).toBe('b')
  })

  it('while flushes and syncs run lets them end and leaves no file open', async () => {
    const disk = new FaultyFileSystem()
    const db = await openBytes({ memtableSize: 20_000 }, disk)
    for (let i = 0; i < 60; i++) db.putSync(`k${i}`, new Uint8Array(1000))
    const flush = db.flush()
    await turn()
    db.keyspaceSync('other').flushSync()
    const persist = db.persist()
    const close = db.close()
    await within(2000, Promise.allSettled([flush, persist]))
    await within(2000, close)
    expect(disk.openFileCount).toBe(0)
    const again = await openBytes({}, disk)
    expect([...again.keysSync()].length).toBe(60)
  })

  it('before a write makes its promise reject rather than the call throw', async () => {
    const db = await openText()
    const batch = db.batch().put('a', 'b')
    await db.close()
    const steps = [() => db.put('a', 'b'), () => db.delete('a'), () => batch.commit()]
    for (const step of steps) {
      let promise: Promise<void> | undefined
      expect(() => (promise = step())).not.toThrow()
      await expectCode('CLOSED', () => promise)
    }
  })
})

describe('the end of the process', () => {
  it('while close() flushes still hands buffered writes to the operating system', async () => {
    const disk = new FaultyFileSystem()
    const db = await openBytes({ durability: 'buffered', memtableSize: 100_000, flushInterval: 60_000 }, disk)
    for (let i = 0; i < 100; i++) db.putSync(`k${i}`, new Uint8Array(2000))
    db.putSync('last', 'v')
    expect(keeperOf(db).journals.current?.bufferedBytes).toBeGreaterThan(0)
    const close = db.close()
    for (let i = 0; i < 3; i++) await null
    engineOf(db).exit()
    const image = disk.clone()
    await close
    const again = await openBytes({}, image)
    expect(text(again.getSync('last'))).toBe('v')
    expect([...again.keysSync()].length).toBe(101)
  })

  it('hands over what is staged, also as the first write after a reopen', async () => {
    const disk = new FaultyFileSystem()
    await (await openText(disk)).close()
    const db = await openText(disk)
    const staged = db.put('a', 'b')
    engineOf(db).exit()
    const again = await openText(disk.clone())
    expect(again.getSync('a')).toBe('b')
    await staged
    await db.close()
  })

  it('writes nothing if this open has written nothing', async () => {
    const disk = new FaultyFileSystem()
    const first = await openText(disk)
    first.putSync('a', 'b')
    await first.close()
    for (const durability of ['os', 'none'] as const) {
      const db = await openText(disk, { durability })
      const before = disk.log.length
      engineOf(db).exit()
      expect(disk.log.length).toBe(before)
      await db.close()
    }
  })
})
