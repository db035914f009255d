/** What compactions keep, drop and give back (REFERENCE section 3, "Flush, tombstones, compaction"). */
import { describe, expect, it } from 'vitest'
import { openText, type TextDatabase } from '../api/support.ts'
import { filesEnding, keeperOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { entriesAfter, expectExactly, numbered, states, type Entry, type History } from './states.ts'

async function openSmall(fileSystem = new FaultyFileSystem(), options = {}): Promise<TextDatabase> {
  return withSmallLevels(await openText(fileSystem, { memtableSize: 16_384, ...options }))
}

interface Shape {
  readonly levels: readonly number[]
  readonly tombstones: number
  readonly entries: number
}

/** Tables of each level, and what they hold. */
function shapeOf(db: TextDatabase): Shape {
  const tables = [...(keeperOf(db).trees.get(0)?.version.tables() ?? [])]
  const sum = (of: (table: (typeof tables)[number]) => number): number =>
    tables.reduce((total, table) => total + of(table), 0)
  return {
    levels: Array.from({ length: 7 }, (_, level) => tables.filter((table) => table.level === level).length),
    tombstones: sum(({ tombstones }) => tombstones),
    entries: sum(({ entries }) => entries),
  }
}

const random = mulberry32(7)
/** A value that does not get shorter by compression. */
const dense = (length: number): string =>
  Array.from({ length }, () => String.fromCharCode(33 + Math.floor(random() * 90))).join('')

const sstBytes = (fileSystem: FaultyFileSystem): number =>
  [...fileSystem.snapshotFiles()]
    .filter(([name]) => name.endsWith('.sst'))
    .reduce((sum, [, bytes]) => sum + bytes.byteLength, 0)

/** Lets the background finish. */
async function settle(db: TextDatabase): Promise<void> {
  let before = ''
  for (let calm = 0; calm < 20;) {
    await new Promise((resolve) => setImmediate(resolve))
    const now = JSON.stringify(db.stats().keyspaces)
    calm = now === before ? calm + 1 : 0
    before = now
  }
}

const history: History = [
  Array.from({ length: 300 }, (_, i) => [numbered(i), `first ${i}`]),
  Array.from({ length: 200 }, (_, i) => [numbered(i * 2), i % 3 === 0 ? undefined : `second ${i}`]),
  Array.from({ length: 100 }, (_, i) => [numbered(i * 3), i % 2 === 0 ? undefined : `third ${i}`]),
]

describe.each(states)('a major compaction of what is $name', ({ build }) => {
  it('leaves exactly what was there, in the last level, without a tombstone, and after reopen', async () => {
    const db = await build(history)
    const entries = entriesAfter(history)
    const absent = Array.from({ length: 300 }, (_, i) => numbered(i)).filter(
      (key) => !entries.some(([each]) => each === key),
    )
    await db.compact()
    expectExactly(db, entries, absent)
    const { levels, tombstones, entries: stored } = shapeOf(db)
    expect(levels.slice(0, 6)).toEqual([0, 0, 0, 0, 0, 0])
    expect([tombstones, stored]).toEqual([0, entries.length])
    db.compactSync()
    expectExactly(db, entries, absent)
    await db.close()
  })

  it('changes nothing in a snapshot or for an iterator, and brings nothing back', async () => {
    const snapshots: { snapshot: ReturnType<TextDatabase['snapshot']>; entries: Entry[] }[] = []
    const db = await build(history, (db, step) => {
      snapshots.push({ snapshot: db.snapshot(), entries: entriesAfter(history.slice(0, step + 1)) })
    })
    const open = snapshots.filter(({ snapshot }) => {
      try {
        snapshot.firstSync()
        return true
      } catch {
        // It belongs to a database that was reopened.
        return false
      }
    })
    const iterators = open.map(({ snapshot, entries }) => ({
      iterator: snapshot.rangeSync()[Symbol.iterator](),
      entries,
    }))
    for (const { iterator, entries } of iterators) expect(iterator.next().value).toEqual(entries[0])
    await db.compact()
    for (const { snapshot, entries } of open) expectExactly(snapshot, entries, [])
    for (const { iterator, entries } of iterators)
      for (const entry of [...entries.slice(1), undefined]) expect(iterator.next().value).toEqual(entry)
    for (const { snapshot } of open) snapshot.close()
    await db.compact()
    expectExactly(db, entriesAfter(history), [])
    expect(shapeOf(db).entries).toBe(entriesAfter(history).length)
    await db.close()
  })
})

describe('compaction', () => {
  it('that was asked for compresses, in the smallest database too, and finds nothing to do the second time', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let i = 0; i < 2000; i++) db.putSync(numbered(i), 'of little content '.repeat(6))
    await db.flush()
    const before = sstBytes(fileSystem)
    await db.compact()
    expect(sstBytes(fileSystem)).toBeLessThan(before / 3)
    const { compactions } = db.stats().keyspaces[0] ?? {}
    expect(compactions).toBeGreaterThan(0)
    await db.compact()
    db.compactSync()
    expect(db.stats().keyspaces[0]?.compactions).toBe(compactions)
    await db.close()
  })

  it('keeps the files of one key that is written again and again within bounds', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    for (let i = 0; i < 20_000; i++) {
      db.putSync('key', `value ${i}`.padEnd(100))
      if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await settle(db)
    expect(filesEnding(fileSystem, '.sst').length).toBeLessThan(6)
    expect(sstBytes(fileSystem)).toBeLessThan(10_000)
    expectExactly(db, [['key', 'value 19999'.padEnd(100)]], [])
    await db.close()
  })

  it('settles with the flushed runs merged and every level within its size', async () => {
    const db = await openSmall()
    for (let i = 0; i < 6000; i++) {
      db.putSync(numbered((i * 7919) % 3000), `${i} ${'x'.repeat(60)}`)
      if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await settle(db)
    const { levels } = shapeOf(db)
    expect(levels[0]).toBeLessThan(3)
    expect(levels.filter((tables) => tables > 0).length).toBeGreaterThan(1)
    expectExactly(
      db,
      Array.from({ length: 3000 }, (_, i) => i + 3000)
        .map((i): Entry => [numbered((i * 7919) % 3000), `${i} ${'x'.repeat(60)}`])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
      [],
    )
    await db.close()
  })

  it('moves tables of ascending keys down without writing them again', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    const written = new Set<string>()
    fileSystem.onOperation = (_index, kind, name) => {
      if (kind === 'create' && name.endsWith('.sst')) written.add(name)
      return 'continue'
    }
    for (let i = 0; i < 3000; i++) {
      db.putSync(numbered(i), 'x'.repeat(60))
      if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    db.flushSync()
    await settle(db)
    const { levels } = shapeOf(db)
    expect(levels.slice(1).some((tables) => tables > 0)).toBe(true)
    expect(levels.reduce((sum, tables) => sum + tables)).toBe(written.size)
    await db.close()
  })

  it('gives space back without reopening, after deletions, once the snapshots are closed', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    for (let i = 0; i < 3000; i++) db.putSync(numbered(i), dense(100))
    db.compactSync()
    const full = sstBytes(fileSystem)
    const snapshot = db.snapshot()
    for (let i = 0; i < 3000; i++) db.deleteSync(numbered(i))
    db.compactSync()
    expect(sstBytes(fileSystem)).toBeGreaterThan(full)
    expect([...snapshot.keysSync()].length).toBe(3000)
    snapshot.close()
    db.compactSync()
    expect(filesEnding(fileSystem, '.sst')).toEqual([])
    expectExactly(db, [], [numbered(1)])
    await db.close()
  })

  it('with a snapshot held gives back what the snapshot does not need', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    const write = (round: number): void => {
      for (let i = 0; i < 1000; i++) db.putSync(numbered(i), `${round} ${'x'.repeat(100)}`)
    }
    write(0)
    db.compactSync()
    const one = sstBytes(fileSystem)
    const snapshot = db.snapshot()
    for (let round = 1; round < 8; round++) write(round)
    db.compactSync()
    expect(sstBytes(fileSystem)).toBeLessThan(2.5 * one)
    expect(snapshot.getSync(numbered(5))).toBe(`0 ${'x'.repeat(100)}`)
    expect(db.getSync(numbered(5))).toBe(`7 ${'x'.repeat(100)}`)
    snapshot.close()
    await db.close()
  })

  it('of a range leaves the rest alone', async () => {
    const db = await openSmall()
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 1000; i++) db.putSync(numbered(i), `${round} ${'x'.repeat(60)}`)
      db.flushSync()
    }
    db.compactSync()
    for (let i = 0; i < 1000; i += 10) db.deleteSync(numbered(i))
    db.flushSync()
    const ids = (): number[] => [...(keeperOf(db).trees.get(0)?.version.tables() ?? [])].map(({ id }) => id)
    const before = ids()
    await db.compact({ gte: numbered(2000) })
    expect(ids()).toEqual(before)
    await db.compact({ gte: numbered(500), lt: numbered(600) })
    expect(ids()).not.toEqual(before)
    expect([...db.keysSync()].length).toBe(900)
    await db.close()
  })

  it('ends while others write as fast as they can', async () => {
    const db = await openSmall()
    for (let i = 0; i < 3000; i++) db.putSync(numbered((i * 7919) % 1000), dense(60))
    let done = false
    const compaction = db.compact().then(() => (done = true))
    let written = 0
    for (; !done && written < 200_000; written++) {
      db.putSync(numbered(5000 + ((written * 7919) % 1000)), dense(10))
      if (written % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(done).toBe(true)
    await compaction
    await db.close()
  })

  it('that is aborted leaves its inputs, and no file of its own', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memtableSize: 65_536 })
    for (let i = 0; i < 40_000; i++) db.putSync(numbered((i * 7919) % 40_000), 'x'.repeat(100))
    db.flushSync()
    keeperOf(db).compactor.sliceMs = 0
    const before = filesEnding(fileSystem, '.sst')
    const controller = new AbortController()
    const compaction = db.compact({ signal: controller.signal })
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    controller.abort(new Error('enough'))
    await expect(compaction).rejects.toMatchObject({ code: 'ABORTED' })
    expect(filesEnding(fileSystem, '.sst')).toEqual(before)
    expect([...db.keysSync()].length).toBe(40_000)
    await expect(db.compact({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' })
    await db.compact()
    expect(filesEnding(fileSystem, '.sst').length).toBe(1)
    await db.close()
  })

  it('that the end of the database cuts short leaves its inputs', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memtableSize: 65_536 })
    for (let i = 0; i < 40_000; i++) db.putSync(numbered((i * 7919) % 40_000), 'x'.repeat(100))
    db.flushSync()
    keeperOf(db).compactor.sliceMs = 0
    const compaction = db.compact()
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
    const closed = db.close()
    await expect(compaction).rejects.toMatchObject({ code: 'CLOSED' })
    await closed
    const again = await openText(fileSystem)
    expect([...again.keysSync()].length).toBe(40_000)
    await again.close()
  })

  it('of a table that is damaged says so, and serves what it can', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let i = 0; i < 1000; i++) db.putSync(numbered(i), 'x'.repeat(100))
    db.flushSync()
    await db.close()
    const [name] = filesEnding(fileSystem, '.sst') as [string]
    const bytes = fileSystem.snapshotFiles().get(name) as Uint8Array
    bytes[50_000] = (bytes[50_000] as number) ^ 1
    fileSystem.putFile(name, bytes)
    const again = await openText(fileSystem)
    again.putSync(numbered(500), 'new')
    await expect(again.compact()).rejects.toMatchObject({ code: 'CORRUPT', file: name })
    expect(again.getSync(numbered(0))).toBe('x'.repeat(100))
    again.putSync(numbered(500), 'newer')
    expect(again.getSync(numbered(500))).toBe('newer')
    await again.close()
  })

  it('goes on after a full disk', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    for (let i = 0; i < 2000; i++) db.putSync(numbered((i * 7919) % 1000), 'x'.repeat(100))
    db.flushSync()
    fileSystem.onOperation = (_index, kind, name) =>
      kind === 'write' && name.endsWith('.sst') ? { error: 'ENOSPC' } : 'continue'
    await expect(db.compact()).rejects.toMatchObject({ code: 'DISK_FULL' })
    fileSystem.onOperation = undefined
    await db.compact()
    expect([...db.keysSync()].length).toBe(1000)
    expect(shapeOf(db).entries).toBe(1000)
    await db.close()
  })
})

describe('weak deletes', () => {
  it.each([false, true])(
    'of a key written once remove it, in every state (reopened: %s)',
    async (reopened) => {
      const fileSystem = new FaultyFileSystem()
      let db = await openText(fileSystem)
      for (const flush of [0, 1, 2, 3]) {
        db.putSync('a', `${flush}`)
        db.putSync('b', `${flush}`)
        if (flush & 1) db.flushSync()
        db.deleteWeakSync('a')
        await db.deleteWeak('b')
        if (flush & 2) db.flushSync()
        if (reopened) {
          await db.close()
          db = await openText(fileSystem)
        }
        expectExactly(db, [], ['a', 'b'])
        db.compactSync()
        expectExactly(db, [], ['a', 'b'])
        expect(shapeOf(db).entries).toBe(0)
      }
      await db.close()
    },
  )

  it('leave nothing behind, in a flush or a compaction, but what a snapshot needs', async () => {
    const db = await openText()
    db.putSync('a', '1')
    const snapshot = db.snapshot()
    db.deleteWeakSync('a')
    db.flushSync()
    expect(shapeOf(db).entries).toBe(2)
    expect(snapshot.getSync('a')).toBe('1')
    snapshot.close()
    db.compactSync()
    expect(shapeOf(db).entries).toBe(0)
    db.putSync('a', '2')
    db.deleteWeakSync('a')
    db.flushSync()
    expect(shapeOf(db).entries).toBe(0)
    await db.close()
  })

  it('uncover nothing: a key deleted, written and weakly deleted stays away', async () => {
    const db = await openText()
    db.putSync('a', 'old')
    db.compactSync()
    db.deleteSync('a')
    db.putSync('a', 'new')
    db.deleteWeakSync('a')
    db.flushSync()
    expectExactly(db, [], ['a'])
    db.compactSync()
    expectExactly(db, [], ['a'])
    await db.close()
  })

  it('make a queue: pushed at one end, popped at the other, it takes the space of what is in it', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openSmall(fileSystem)
    let head = 0
    for (let tail = 0; tail < 8000; tail++) {
      db.putSync(numbered(tail), 'x'.repeat(100))
      if (tail >= 100) {
        expect(db.firstSync()?.[0]).toBe(numbered(head))
        db.deleteWeakSync(numbered(head++))
      }
      if (tail % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await settle(db)
    expect(sstBytes(fileSystem)).toBeLessThan(80_000)
    expect([...db.keysSync()].length).toBe(100)
    await db.close()
  })
})
