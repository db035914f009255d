import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openOn } from '../../../src/api/open.ts'
import { expectCode, openBytes, openText, SMALL_MEMORY } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import {
  engineOf,
  failOnce,
  filesEnding,
  fillJournal,
  freeDisk,
  keeperOf,
  powerLoss,
  turn,
} from './support.ts'

describe('replay', () => {
  it('does not delete journals it is still replaying', async () => {
    // One journal, larger than memory at the next open: replay has to flush on the way.
    const disk = new FaultyFileSystem()
    const db = await openOn(disk, { memoryLimit: 4 * SMALL_MEMORY, memtableSize: 16 << 20 })
    const keys: string[] = []
    for (let i = 0; i < 6; i++) {
      const batch = db.batch()
      for (let j = 0; j < 100; j++) {
        keys.push(`k${i}-${j}`)
        batch.put(`k${i}-${j}`, new Uint8Array(30_000).fill(i + 1))
      }
      batch.commitSync({ durability: 'sync' })
    }
    expect(db.stats()).toMatchObject({ journals: 1, keyspaces: [{ tables: 0 }] })

    const lost = powerLoss(disk)
    const first = await openBytes({}, lost)
    expect(keys.filter((key) => !first.hasSync(key))).toEqual([])
    expect(first.stats().keyspaces[0]).not.toMatchObject({ tables: 0 })
    const second = await openBytes({}, lost.clone())
    expect(keys.filter((key) => !second.hasSync(key))).toEqual([])
    const third = await openBytes({}, powerLoss(lost))
    expect(keys.filter((key) => !third.hasSync(key))).toEqual([])
  })

  it('of a batch whose keyspaces were flushed one by one leaves nothing that cannot be flushed', async () => {
    for (const xFirst of [false, true]) {
      const disk = new FaultyFileSystem()
      const db = await openText(disk)
      const x = db.keyspaceSync('x', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      const batch = db.batch()
      if (xFirst) batch.put(x, 'a', 'in x').put('a', 'in default')
      else batch.put('a', 'in default').put(x, 'a', 'in x')
      batch.commitSync()
      if (xFirst) x.flushSync()
      else db.flushSync()

      const again = await openText(disk.clone())
      again.flushSync()
      await again.flush()
      again.putSync('b', 'after')
      expect([...again.rangeSync()].map(([key]) => key)).toEqual(['a', 'b'])
      const y = again.keyspaceSync('x', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      expect([...y.rangeSync()]).toEqual([['a', 'in x']])
    }
  })
})

describe('what cannot be replayed', () => {
  it('is refused before anything is changed: writes to a keyspace whose creation the manifest has lost', async () => {
    const disk = new FaultyFileSystem()
    const db = await openText(disk)
    const [manifest = ''] = filesEnding(disk, '.man')
    const sizeBytes = disk.snapshotFiles().get(manifest)?.byteLength ?? 0
    db.keyspaceSync('lost', { keyEncoding: 'utf8', valueEncoding: 'utf8' }).putSync('a', 'b')
    const files = disk.snapshotFiles()
    const before = new Map(files).set(manifest, (files.get(manifest) as Uint8Array).slice(0, sizeBytes))
    const image = FaultyFileSystem.fromFiles(before, { bootNumber: 2 })
    const error = await expectCode('CORRUPT', () => openText(image))
    expect(error.file).toMatch(/\.wal$/)
    expect(error.offset).toBe(128)
    expect(image.snapshotFiles()).toEqual(before)
    await db.close()
  })
})

/** The directory after so many processes that were killed right after one write. */
async function killedOnceAfterEach(writes: number): Promise<FaultyFileSystem> {
  let disk = new FaultyFileSystem()
  for (let i = 0; i < writes; i++) {
    const db = await openText(disk)
    db.putSync(`k${i}`, 'v')
    keeperOf(db).thread.writeOutJournal()
    disk = disk.crashImage('keepAll', () => 0.5)
  }
  return disk
}

describe('journals', () => {
  it('do not pile up behind a keyspace that is hardly written to, in a program that never yields', async () => {
    const db = await openBytes({ memtableSize: 65_536 })
    db.keyspaceSync('quiet').putSync('a', 'b')
    const value = new Uint8Array(300)
    let most = 0
    for (let i = 0; i < 20_000; i++) {
      db.putSync(`k${i}`, value)
      if (i % 100 === 0) most = Math.max(most, db.stats().journals)
    }
    expect(most).toBeLessThan(12)
    expect(db.keyspaceSync('quiet').hasSync('a')).toBe(true)
  })

  it('do not pile up behind one that nothing needs any more', async () => {
    // Found by the torture program metamorphic, seed 19. What a clean end leaves is an oldest journal that holds nothing.
    const disk = new FaultyFileSystem()
    await (await openText(disk)).close()
    const db = await openText(disk)
    const { journals } = keeperOf(db)
    for (let i = 0; i < 30; i++) {
      db.putSync('a', String(i))
      if (journals.current !== undefined) journals.current.limitBytes = 0
    }
    expect(db.stats().journals).toBeLessThanOrEqual(8)
    await db.close()
  })

  it('that many killed processes left are written out once this one has had time', async () => {
    const left = await killedOnceAfterEach(5)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const db = await openText(left)
    const { flusher } = keeperOf(db)
    await turn()
    expect(flusher.isIdle).toBe(true)
    expect(db.stats()).toMatchObject({ journals: 6, keyspaces: [{ tables: 0 }] })
    await vi.advanceTimersByTimeAsync(50)
    await flusher.idle()
    expect(db.stats()).toMatchObject({ journals: 1, keyspaces: [{ tables: 1 }] })
    expect([...db.keysSync()].length).toBe(5)
    await db.close()
  })

  it('do not pile up behind processes that are killed before they have time', async () => {
    const db = await openText(await killedOnceAfterEach(30))
    expect(db.stats().journals).toBeLessThanOrEqual(9)
    expect([...db.keysSync()].length).toBe(30)
    await db.close()
  })

  it('that cannot be deleted do not fail the write that made them obsolete', async () => {
    const disk = new FaultyFileSystem()
    const db = await openBytes({ memtableSize: 16_384 }, disk)
    disk.onOperation = (_index, kind) => (kind === 'remove' ? { error: 'EIO' } : 'continue')
    for (let i = 0; i < 400; i++) db.putSync(`k${i}`, new Uint8Array(1000))
    expect(disk.log.some(({ kind, name }) => kind === 'remove' && name.endsWith('.wal'))).toBe(true)
    freeDisk(disk)
    await db.close()
    const again = await openBytes({}, disk)
    expect([...again.keysSync()].length).toBe(400)
  })

  it('whose name may not be on disk take no frames: a failed directory sync poisons', async () => {
    const disk = new FaultyFileSystem()
    const db = await openBytes({ memtableSize: 16_384 }, disk)
    fillJournal(db)
    failOnce(disk, 0, '', 'syncDirectory', 'EIO')
    await expectCode('POISONED', () => db.putSync('c', 'd'))
    freeDisk(disk)
    await expectCode('POISONED', () => db.putSync('c', 'd'))
    expect(db.hasSync('c')).toBe(false)
  })

  it('of a buffered load are fdatasynced once a second, however often it writes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const disk = new FaultyFileSystem()
    const db = await openText(disk, { durability: 'buffered', flushInterval: 10 })
    const syncs = (): number =>
      disk.log.filter(({ kind, name }) => kind === 'sync' && name.endsWith('.wal')).length
    const before = syncs()
    for (let i = 0; i < 1000; i++) {
      db.putSync(`k${i}`, 'v')
      await vi.advanceTimersByTimeAsync(5)
    }
    expect(syncs() - before).toBeGreaterThanOrEqual(4)
    expect(syncs() - before).toBeLessThanOrEqual(6)
    await vi.advanceTimersByTimeAsync(1100)
    const journal = keeperOf(db).journals.current
    expect(journal?.syncedOffset).toBe(journal?.length)
    expect(engineOf(await openText(powerLoss(disk))).visibleSeqno()).toBeGreaterThanOrEqual(1000)
  })
})
