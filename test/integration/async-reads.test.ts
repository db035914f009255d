/** Reads that miss wait for their blocks without blocking the thread, at their S, and pin nothing meanwhile. */
import { describe, expect, it } from 'vitest'
import { CACHE_LIMIT_PAGES, CONTROL_CACHE, TABLE_USERS } from '../../assembly/memory/layout.ts'
import { isUsed } from '../../src/kernel/file-users.ts'
import { expectCode, isSettled, openText, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { HeldReads } from '../support/held-reads.ts'
import { engineOf, filesEnding, keeperOf, turn } from './regressions/support.ts'

const ENTRIES = 3000

function keyOf(i: number): string {
  return `key${String(i).padStart(5, '0')}`
}

function valueOf(i: number): string {
  return `value ${i} `.repeat(1 + (i % 9))
}

/** A database whose entries lie in one table, nothing of which is in memory; its reads are held back. */
async function coldDatabase(
  fill: (db: TextDatabase) => void = () => {},
): Promise<{ db: TextDatabase; fileSystem: FaultyFileSystem; reads: HeldReads }> {
  const fileSystem = new FaultyFileSystem()
  const first = await openText(fileSystem)
  for (let i = 0; i < ENTRIES; i++) first.putSync(keyOf(i), valueOf(i))
  fill(first)
  first.flushSync()
  first.compactSync()
  await first.close()
  const db = await openText(fileSystem)
  return { db, fileSystem, reads: new HeldReads(fileSystem) }
}

function syncReads(fileSystem: FaultyFileSystem): number {
  return fileSystem.log.filter(({ kind, name }) => kind === 'read' && name.endsWith('.sst')).length
}

function limitCache(db: TextDatabase, pages: number): void {
  engineOf(db).kernel.u32[(CONTROL_CACHE + CACHE_LIMIT_PAGES) >>> 2] = pages
}

/** Within microtasks: no turn of the event loop is taken. */
async function isAnsweredAtOnce(promise: Promise<unknown>): Promise<boolean> {
  let answered = false
  void promise.then(() => (answered = true))
  for (let i = 0; i < 3; i++) await null
  return answered
}

describe('a read that misses', () => {
  it('waits without blocking, while others that hit are answered', async () => {
    const { db, fileSystem, reads } = await coldDatabase()
    db.putSync('hot', 'yes')
    const before = syncReads(fileSystem)
    const late = db.get(keyOf(17))
    await turn()
    expect(await isSettled(late)).toBe(false)
    expect(reads.waiting).toHaveLength(1)
    expect(syncReads(fileSystem)).toBe(before)
    expect(await isAnsweredAtOnce(db.get('hot'))).toBe(true)
    expect(await db.get('hot')).toBe('yes')
    expect(await reads.until(late)).toBe(valueOf(17))
    // Once it was read it is a hit.
    const again = db.get(keyOf(17))
    expect(await isAnsweredAtOnce(again)).toBe(true)
    await db.close()
  })

  it('touches no file synchronously, whatever is asked for', async () => {
    const { db, reads } = await coldDatabase((each) => each.putSync('large', 'L'.repeat(300_000)))
    const blocks = engineOf(db).blocks
    const asked: Promise<unknown>[] = [
      db.get(keyOf(1)),
      db.get('absent'),
      db.getMany([keyOf(2000), 'absent', keyOf(5)]),
      db.has(keyOf(2222)),
      db.sizeOf('large'),
      db.get('large'),
      db.first(),
      db.last({ lt: 'l' }),
      db.count({ gte: keyOf(100), lt: keyOf(1200) }),
      db.isEmpty({ gt: keyOf(700) }),
      db.range({ gte: keyOf(1500), limit: 3 }).toArray(),
      db.values({ gte: 'large', reverse: true, limit: 1 }).toArray(),
      db.approximateCount({ gte: keyOf(30), lt: keyOf(60) }),
    ]
    await turn()
    for (const each of asked) expect(await isSettled(each)).toBe(false)
    expect(blocks.awaited).toBeUndefined()
    const results = await reads.until(Promise.all(asked))
    expect(results.slice(0, -1)).toEqual([
      valueOf(1),
      undefined,
      [valueOf(2000), undefined, valueOf(5)],
      true,
      300_000,
      'L'.repeat(300_000),
      [keyOf(0), valueOf(0)],
      [keyOf(ENTRIES - 1), valueOf(ENTRIES - 1)],
      1100,
      false,
      [1500, 1501, 1502].map((i) => [keyOf(i), valueOf(i)]),
      ['L'.repeat(300_000)],
    ])
    await db.close()
  })

  it('shares the file read with others that want the same block', async () => {
    const { db, reads } = await coldDatabase()
    const together = Promise.all(Array.from({ length: 10 }, (_, i) => db.get(keyOf(i))))
    expect(await reads.until(together)).toEqual(Array.from({ length: 10 }, (_, i) => valueOf(i)))
    expect(new Set(reads.asked).size).toBe(reads.asked.length)
    await db.close()
  })

  it('answers in the order in which the blocks come', async () => {
    const { db, reads } = await coldDatabase()
    // Index and filter.
    await reads.until(db.get(keyOf(0)))
    const order: string[] = []
    const early = db.get(keyOf(1000)).then(() => order.push('asked first'))
    const late = db.get(keyOf(2900)).then(() => order.push('asked second'))
    await turn()
    expect(reads.waiting).toHaveLength(2)
    await reads.letGo(1)
    await late
    expect(order).toEqual(['asked second'])
    await reads.until(early)
    expect(order).toEqual(['asked second', 'asked first'])
    await db.close()
  })

  it('copies a key that is bytes: the caller may reuse them', async () => {
    const { db, reads } = await coldDatabase()
    const key = new TextEncoder().encode(keyOf(40))
    const raw = db.withEncodings({ keyEncoding: 'bytes', valueEncoding: 'utf8' })
    const one = raw.get(key)
    const many = raw.getMany([key, key])
    key.fill(0)
    expect(await reads.until(Promise.all([one, many]))).toEqual([valueOf(40), [valueOf(40), valueOf(40)]])
    await db.close()
  })
})

describe('getMany', () => {
  it('asks for all blocks that are missing at once, and ends when the last is there', async () => {
    const { db, reads } = await coldDatabase()
    const keys = [10, 700, 1400, 2100, 2800].map(keyOf)
    // NOTE: what leads to the blocks is read first, by each by itself; the same index block once.
    await reads.until(db.get(keyOf(0)))
    await reads.until(Promise.all(keys.map((key) => db.has(`${key}x`))))
    limitCache(db, 1)
    const many = db.getMany(keys)
    await turn()
    expect(reads.waiting.length).toBeGreaterThanOrEqual(2)
    expect(new Set(reads.waiting.map(({ offset }) => offset)).size).toBe(reads.waiting.length)
    expect(await reads.until(many)).toEqual([10, 700, 1400, 2100, 2800].map(valueOf))
    await db.close()
  })
})

describe('what it sees', () => {
  it('is the state of its call, whatever is written, flushed and compacted meanwhile', async () => {
    const { db, reads } = await coldDatabase()
    const one = db.get(keyOf(10))
    const many = db.getMany([keyOf(10), keyOf(2500)])
    const range = db.range({ gte: keyOf(2998) })
    const first = range.next()
    await turn()
    for (let i = 0; i < ENTRIES; i += 5) db.putSync(keyOf(i), 'new')
    db.deleteSync(keyOf(2998))
    db.flushSync()
    db.compactSync()
    db.dropRangeSync({ gte: keyOf(2000) })
    expect(await reads.until(one)).toBe(valueOf(10))
    expect(await reads.until(many)).toEqual([valueOf(10), valueOf(2500)])
    expect(await reads.until(first)).toEqual({ done: false, value: [keyOf(2998), valueOf(2998)] })
    expect(await reads.until(range.next())).toEqual({ done: false, value: [keyOf(2999), valueOf(2999)] })
    expect(await reads.until(db.get(keyOf(10)))).toBe('new')
    await range.return()
    // What they kept readable is given back.
    expect(engineOf(db).snapshots.oldest).toBe(Infinity)
    await db.close()
  })

  it('survives clear() while it waits, with what lies in memory only', async () => {
    const { db, reads } = await coldDatabase()
    db.putSync('fresh', 'yes')
    const late = db.getMany([keyOf(77), 'fresh'])
    const range = db.range({ gte: 'fresh', lte: keyOf(0) })
    const first = range.next()
    await turn()
    db.clearSync()
    expect(await db.getMany([keyOf(77), 'fresh'])).toEqual([undefined, undefined])
    expect(await reads.until(late)).toEqual([valueOf(77), 'yes'])
    expect(await reads.until(first)).toEqual({ done: false, value: ['fresh', 'yes'] })
    expect(await reads.until(range.next())).toEqual({ done: false, value: [keyOf(0), valueOf(0)] })
    expect(await reads.until(range.next())).toEqual({ done: true, value: undefined })
    await db.close()
  })

  it('has clear() write first what only it can see, as a snapshot does', async () => {
    const { db, fileSystem, reads } = await coldDatabase()
    db.putSync('fresh', 'yes')
    const late = db.getMany([keyOf(77), 'fresh'])
    await turn()
    db.clearSync()
    expect(filesEnding(fileSystem, '.sst')).toHaveLength(2)
    expect(await reads.until(late)).toEqual([valueOf(77), 'yes'])
    await db.close()
  })

  it('is what a snapshot saw that is closed while it waits', async () => {
    const { db, reads } = await coldDatabase()
    const snapshot = db.snapshot()
    db.putSync(keyOf(3), 'new')
    const late = snapshot.get(keyOf(3))
    await turn()
    snapshot.close()
    db.flushSync()
    db.compactSync()
    expect(await reads.until(late)).toBe(valueOf(3))
    expect(engineOf(db).snapshots.oldest).toBe(Infinity)
    await db.close()
  })

  it('leaves the file of a removed table open until its read has ended, and no longer', async () => {
    const { db, fileSystem, reads } = await coldDatabase()
    const before = filesEnding(fileSystem, '.sst')
    expect(before).toHaveLength(1)
    const late = db.get(keyOf(5))
    await turn()
    const table = [...keeperOf(db).tree(0).files.values()][0]
    expect(isUsed(engineOf(db).kernel.words, (table?.record ?? 0) + TABLE_USERS)).toBe(true)
    db.putSync(keyOf(0), 'new')
    db.flushSync()
    db.compactSync()
    expect(filesEnding(fileSystem, '.sst')).toEqual(expect.arrayContaining(before))
    expect(keeperOf(db).reclaimer.pending).toBe(1)
    await reads.letGo()
    expect(keeperOf(db).reclaimer.pending).toBe(0)
    for (const name of before) expect(filesEnding(fileSystem, '.sst')).not.toContain(name)
    expect(await reads.until(late)).toBe(valueOf(5))
    const { openFileCount } = fileSystem
    await db.close()
    expect(openFileCount).toBeGreaterThan(0)
    expect(fileSystem.openFileCount).toBe(0)
  })
})

describe('ended early', () => {
  it('close() waits for the files and ends the reads with CLOSED', async () => {
    const { db, fileSystem, reads } = await coldDatabase()
    const waiting = [
      db.get(keyOf(1)),
      db.getMany([keyOf(2)]),
      db.has(keyOf(3)),
      db.count(),
      db.range().next(),
      db.approximateSize({ lt: keyOf(9) }),
    ]
    const codes = Promise.all(waiting.map((each) => expectCode('CLOSED', () => each)))
    await turn()
    const closing = db.close()
    await turn()
    expect(await isSettled(closing)).toBe(false)
    await reads.until(closing)
    await codes
    expect(fileSystem.openFileCount).toBe(0)
    // NOTE: the memory is the next database's now.
    const next = await openText(new FaultyFileSystem())
    next.putSync('a', 'b')
    await turn()
    expect(await next.get('a')).toBe('b')
    await next.close()
  })

  it('a dropped keyspace is NOT_FOUND', async () => {
    const fileSystem = new FaultyFileSystem()
    const first = await openText(fileSystem)
    const users = first.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let i = 0; i < 1000; i++) users.putSync(keyOf(i), valueOf(i))
    first.flushSync()
    await first.close()
    const db = await openText(fileSystem)
    const again = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    const reads = new HeldReads(fileSystem)
    const waiting = [again.get(keyOf(1)), again.range().next(), again.count()]
    const codes = Promise.all(waiting.map((each) => expectCode('NOT_FOUND', () => each)))
    await turn()
    db.dropKeyspaceSync('users')
    await reads.until(codes)
    expect(keeperOf(db).reclaimer.pending).toBe(0)
    expect(filesEnding(fileSystem, '.sst')).toEqual([])
    await db.close()
  })

  it('a range: return(), and its signal, between two tries', async () => {
    const { db, reads } = await coldDatabase()
    const range = db.range()
    const left = range.next()
    await turn()
    expect(await range.return()).toEqual({ done: true, value: undefined })
    expect(await reads.until(left)).toEqual({ done: true, value: undefined })
    const abort = new AbortController()
    const step = db.range({ gte: keyOf(2000), signal: abort.signal }).next()
    await turn()
    abort.abort()
    await expectCode('ABORTED', () => reads.until(step))
    expect(db.stats().openIterators).toBe(0)
    expect(engineOf(db).snapshots.oldest).toBe(Infinity)
    await db.close()
  })
})

describe('errors', () => {
  it('EIO is IO, for all who wait for the block, and the next read tries again', async () => {
    const { db, fileSystem, reads } = await coldDatabase()
    const waiting = [db.get(keyOf(1)), db.get(keyOf(1)), db.range().next()]
    await turn()
    fileSystem.onOperation = (_index, kind) => (kind === 'read' ? { error: 'EIO' } : 'continue')
    const codes = Promise.all(waiting.map((each) => expectCode('IO', () => each)))
    const errors = await reads.until(codes)
    for (const { file } of errors) expect(file).toMatch(/\.sst$/)
    fileSystem.onOperation = undefined
    expect(await reads.until(db.get(keyOf(1)))).toBe(valueOf(1))
    await db.close()
  })

  it('a corrupt block, or a file cut short, is CORRUPT with file and offset, as it is for a synchronous read', async () => {
    for (const harm of ['flip', 'cut'] as const) {
      const { db, fileSystem, reads } = await coldDatabase()
      const [name] = filesEnding(fileSystem, '.sst') as [string]
      await reads.until(db.get(keyOf(0)))
      const late = db.get(keyOf(1700))
      await turn()
      const offset = reads.waiting[0]?.offset ?? 0
      if (harm === 'flip') fileSystem.flipBits(name, offset + 100)
      else fileSystem.resizeFile(name, offset + 100)
      const found = await expectCode('CORRUPT', () => reads.until(late))
      expect([found.file, found.offset]).toEqual([name, offset])
      const synchronous = await expectCode('CORRUPT', () => db.getSync(keyOf(1700)))
      expect(synchronous.message).toBe(found.message)
      expect(await reads.until(db.get(keyOf(1)))).toBe(valueOf(1))
      await db.close()
    }
  })
})

describe('a cache too small for what is read', () => {
  it('still lets every read come to its end', async () => {
    const { db, reads } = await coldDatabase((each) => {
      for (let i = 0; i < ENTRIES; i += 2) each.deleteSync(keyOf(i))
    })
    limitCache(db, 1)
    reads.stop()
    const odd = Array.from({ length: ENTRIES / 2 }, (_, i) => 2 * i + 1)
    const ranges = Array.from({ length: 8 }, (_, i) => db.range({ reverse: i % 2 === 1 }).toArray())
    const gets = odd.map((i) => db.get(keyOf(i)))
    const entries = odd.map((i) => [keyOf(i), valueOf(i)])
    expect(await Promise.all(gets)).toEqual(odd.map(valueOf))
    for (const [i, range] of (await Promise.all(ranges)).entries()) {
      expect(i % 2 === 1 ? range.reverse() : range).toEqual(entries)
    }
    await db.close()
  })
})
