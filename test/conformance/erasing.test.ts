/** clear and dropRange (REFERENCE section 3: drop_range, clear). */
import { describe, expect, it } from 'vitest'
import { expectCode, openText, type TextDatabase } from '../api/support.ts'
import { engineOf, filesEnding, freePages, keeperOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { entriesAfter, expectExactly, numbered, states, type Entry, type History } from './states.ts'

const history: History = [
  Array.from({ length: 300 }, (_, i) => [numbered(i), `first ${i}`]),
  Array.from({ length: 100 }, (_, i) => [numbered(i * 2), i % 3 === 0 ? undefined : `second ${i}`]),
]
const all = entriesAfter(history)

/** Closes and opens again, cleanly or as after a kill. */
async function reopened(
  db: TextDatabase,
  fileSystem: FaultyFileSystem,
  killed: boolean,
): Promise<TextDatabase> {
  if (!killed) {
    await db.close()
    return openText(fileSystem)
  }
  const image = new FaultyFileSystem()
  for (const [name, bytes] of fileSystem.snapshotFiles()) image.putFile(name, bytes)
  await db.close()
  return openText(image)
}

describe.each(states)('of what is $name', ({ build }) => {
  it('clear removes everything, and what is written then stays', async () => {
    const db = await build(history)
    await db.clear()
    expectExactly(db, [], [numbered(1)])
    expect(db.isEmptySync()).toBe(true)
    db.putSync(numbered(1), 'new')
    expectExactly(db, [[numbered(1), 'new']], [numbered(2)])
    db.flushSync()
    db.clearSync()
    db.clearSync()
    expectExactly(db, [], [numbered(1)])
    await db.close()
  })

  it.each([
    ['a part', { gte: numbered(50), lt: numbered(200) }],
    ['with both ends excluded', { gt: numbered(50), lt: numbered(200) }],
    ['with both ends included', { gte: numbered(50), lte: numbered(200) }],
    ['from a key on', { gte: numbered(150) }],
    ['up to a key', { lte: numbered(150) }],
    ['one key', { gte: numbered(7), lte: numbered(7) }],
    ['a prefix', { prefix: numbered(120).slice(0, -1) }],
    ['nothing: between two keys', { gt: numbered(7), lt: numbered(8) }],
    ['nothing: the wrong way round', { gte: numbered(200), lt: numbered(50) }],
    ['nothing: beyond the last key', { gt: numbered(9999) }],
    ['everything', { gte: numbered(0), lte: numbered(299) }],
    ['everything, without a bound', {}],
  ])('dropRange removes %s and nothing else', async (_, bounds) => {
    const db = await build(history)
    const hit = new Set(db.keysSync(bounds))
    const gone = all.filter(([key]) => hit.has(key))
    const left = all.filter(([key]) => !hit.has(key))
    expect(gone.length + left.length).toBe(all.length)
    await db.dropRange(bounds)
    expectExactly(db, left, [...hit])
    db.putSync(numbered(100), 'new')
    const after = [...left.filter(([key]) => key !== numbered(100)), [numbered(100), 'new'] as Entry]
    db.compactSync()
    expectExactly(
      db,
      after.sort(([a], [b]) => (a < b ? -1 : 1)),
      [...hit].filter((key) => key !== numbered(100)),
    )
    await db.close()
  })

  it('a snapshot and an iterator go on with what was there', async () => {
    const db = await build(history)
    const snapshot = db.snapshot()
    const iterator = db.rangeSync()[Symbol.iterator]()
    const begun = db.rangeSync()[Symbol.iterator]()
    expect(begun.next().value).toEqual(all[0])
    db.dropRangeSync({ gte: numbered(50), lt: numbered(200) })
    const between = db.snapshot()
    const left = all.filter(([key]) => key < numbered(50) || key >= numbered(200))
    db.clearSync()
    db.putSync(numbered(60), 'new')
    db.flushSync()
    db.compactSync()
    expectExactly(snapshot, all, [])
    expectExactly(between, left, [numbered(60)])
    expectExactly(db, [[numbered(60), 'new']], [numbered(1)])
    for (const entry of [...all, undefined]) expect(iterator.next().value).toEqual(entry)
    for (const entry of [...all.slice(1), undefined]) expect(begun.next().value).toEqual(entry)
    snapshot.close()
    expectExactly(between, left, [])
    between.close()
    expectExactly(db, [[numbered(60), 'new']], [numbered(1)])
    await db.close()
  })
})

describe('erasing', () => {
  it.each([
    ['after a clean close', false],
    ['after a kill', true],
  ])(
    'survives a reopen %s, with what was written after it, another keyspace being idle',
    async (_, killed) => {
      let fileSystem = new FaultyFileSystem()
      let db = await openText(fileSystem)
      const idle = db.keyspaceSync('idle', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      idle.putSync('x', 'stays')
      for (let i = 0; i < 100; i++) db.putSync(numbered(i), 'old')
      db.flushSync()
      idle.putSync('y', 'stays too')
      db.putSync(numbered(5), 'older')
      db.clearSync()
      for (let round = 0; round < 3; round++) {
        db.putSync(numbered(round), `round ${round}`)
        db = await reopened(db, fileSystem, killed)
        fileSystem = engineOf(db).fileSystem as FaultyFileSystem
        expectExactly(
          db,
          Array.from({ length: round + 1 }, (_, i): Entry => [numbered(i), `round ${i}`]),
          [numbered(50)],
        )
        const again = db.keyspaceSync('idle', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
        expect([...again.valuesSync()]).toEqual(['stays', 'stays too'])
        if (round === 0) db.flushSync()
      }
      db.dropRangeSync({ lt: numbered(2) })
      db = await reopened(db, fileSystem, killed)
      expectExactly(db, [[numbered(2), 'round 2']], [numbered(0)])
      await db.close()
    },
  )

  it('gives disk and memory back without reopening, at once or when the snapshot is closed', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    const fill = (): void => {
      for (let i = 0; i < 3000; i++) db.putSync(numbered(i), 'x'.repeat(300))
    }
    db.snapshot().close()
    fill()
    db.clearSync()
    const pages = freePages(db)
    fill()
    expect(freePages(db)).toBeLessThan(pages)
    db.clearSync()
    expect(freePages(db)).toBe(pages)
    fill()
    db.flushSync()
    fill()
    const snapshot = db.snapshot()
    db.clearSync()
    expect(filesEnding(fileSystem, '.sst').length).toBeGreaterThan(0)
    expect([...snapshot.keysSync()].length).toBe(3000)
    snapshot.close()
    expect(filesEnding(fileSystem, '.sst')).toEqual([])
    expect(keeperOf(db).trees.get(0)?.hasHistory).toBe(false)
    await db.close()
  })

  it('is one step for keyspaces beside each other, and NOT_FOUND in one that was dropped', async () => {
    const db = await openText()
    const a = db.keyspaceSync('a', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    const b = db.keyspaceSync('b', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (const keyspace of [db, a, b]) keyspace.putSync('k', keyspace.name)
    a.clearSync()
    expect([db.getSync('k'), a.getSync('k'), b.getSync('k')]).toEqual(['', undefined, 'b'])
    db.dropKeyspaceSync('a')
    await expectCode('NOT_FOUND', () => a.clearSync())
    await expectCode('NOT_FOUND', () => a.dropRange({ gte: 'a' }))
    await db.close()
    await expectCode('CLOSED', () => db.clear())
  })

  it('on a full disk changes nothing', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let i = 0; i < 500; i++) db.putSync(numbered(i), 'x'.repeat(300))
    db.flushSync()
    for (const [kind, extension] of [
      ['write', '.man'],
      ['write', '.sst'],
      ['create', '.sst'],
    ] as const) {
      fileSystem.onOperation = (_index, each, name) =>
        each === kind && name.endsWith(extension) ? { error: 'ENOSPC' } : 'continue'
      await expectCode('DISK_FULL', () => db.dropRangeSync({ gte: numbered(100), lt: numbered(400) }))
      if (extension === '.man') await expectCode('DISK_FULL', () => db.clearSync())
      fileSystem.onOperation = undefined
      expect([...db.keysSync()].length).toBe(500)
    }
    db.dropRangeSync({ gte: numbered(100), lt: numbered(400) })
    expect([...db.keysSync()].length).toBe(200)
    await db.close()
    const again = await openText(fileSystem)
    expect([...again.keysSync()].length).toBe(200)
    await again.close()
  })

  it('of ranges in a tree of many levels leaves order and space right', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = withSmallLevels(await openText(fileSystem, { memtableSize: 8192 }))
    const left = new Map<string, string>()
    for (let i = 0; i < 4000; i++) {
      const key = numbered((i * 7919) % 2000)
      db.putSync(key, `${i}`.padEnd(40))
      left.set(key, `${i}`.padEnd(40))
      if (i % 400 !== 399) continue
      const [from, to] = [numbered(i % 1700), numbered((i % 1700) + 150)]
      db.dropRangeSync({ gte: from, lt: to })
      for (const each of left.keys()) if (each >= from && each < to) left.delete(each)
      await new Promise((resolve) => setImmediate(resolve))
      expectExactly(
        db,
        [...left].sort(([a], [b]) => (a < b ? -1 : 1)),
        [from],
      )
    }
    db.dropRangeSync({})
    expect(filesEnding(fileSystem, '.sst')).toEqual([])
    await db.close()
  })
})
