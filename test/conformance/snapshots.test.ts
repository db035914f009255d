import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/index.ts'
import { openText, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { type Entry, entriesAfter, expectExactly, type History, numbered, states } from './states.ts'

type TextSnapshot = Snapshot<'utf8', 'utf8'>

const history: History = [
  ['a', 'b', 'c', 'd'].map((key) => [key, `first ${key}`] as const),
  [
    ['b', undefined],
    ['c', 'second c'],
    ['e', 'second e'],
  ],
  [
    ['a', undefined],
    ['b', 'third b'],
    ['e', undefined],
    ['never', undefined],
  ],
  [
    ['b', 'fourth b'],
    ['a', 'fourth a'],
    ['d', undefined],
  ],
]
const everyKey = ['a', 'b', 'c', 'd', 'e', 'never']

function absentFrom(entries: readonly Entry[]): string[] {
  return everyKey.filter((key) => entries.every(([present]) => present !== key))
}

describe.each(states.filter(({ sameHandle }) => sameHandle))('snapshots, $name', ({ build }) => {
  it('see exactly what was written before them, whatever is written, deleted and flushed later', async () => {
    const snapshots: TextSnapshot[] = []
    const db = await build(history, (each) => snapshots.push(each.snapshot()))
    const check = (): void => {
      snapshots.forEach((snapshot, i) => {
        const entries = entriesAfter(history.slice(0, i + 1))
        expectExactly(snapshot, entries, absentFrom(entries))
        expect(everyKey.map((key) => db.getSync(key, { snapshot }))).toEqual(
          everyKey.map((key) => snapshot.getSync(key)),
        )
        expect([...db.rangeSync({ snapshot, gt: 'a', lte: 'd', reverse: true })]).toEqual(
          entries.filter(([key]) => key > 'a' && key <= 'd').toReversed(),
        )
      })
    }
    expect(snapshots.length).toBe(4)
    check()
    db.flushSync()
    check()
    for (const key of everyKey) db.deleteSync(key)
    check()
    db.flushSync()
    check()
    expectExactly(db, [], everyKey)
    await db.close()
  })

  it('of one moment are identical, and closing one leaves the other', async () => {
    const pairs: [TextSnapshot, TextSnapshot][] = []
    const db = await build(history, (each) => pairs.push([each.snapshot(), each.snapshot()]))
    pairs.forEach(([one, other], i) => {
      const entries = entriesAfter(history.slice(0, i + 1))
      expectExactly(one, entries)
      one.close()
      expectExactly(other, entries)
      other.close()
    })
    expect(db.stats().openReads).toBe(0)
    await db.close()
  })
})

describe.each(states)('deleted entries, $name', ({ build }) => {
  it('do not come back in a new snapshot, nor after the next flush', async () => {
    const db = await build([
      everyKey.map((key) => [key, 'old'] as const),
      everyKey.map((key) => [key, undefined] as const),
    ])
    for (let round = 0; round < 2; round++) {
      const snapshot = db.snapshot()
      expectExactly(snapshot, [], everyKey)
      expectExactly(db, [], everyKey)
      snapshot.close()
      db.flushSync()
    }
    await db.close()
  })
})

describe('a snapshot', () => {
  it('of an empty database stays empty', async () => {
    const db = await openText()
    const empty = db.snapshot()
    expectExactly(empty, [], ['a'])
    db.putSync('a', '1')
    expectExactly(empty, [], ['a'])
    db.flushSync()
    expectExactly(empty, [], ['a'])
    expectExactly(db, [['a', '1']])
    await db.close()
  })

  it('sees its version of a key of which versions fill many blocks, in memtable, table and several tables', async () => {
    const db = await openText(undefined, { memtableSize: 4 * 1048576 })
    const value = (i: number): string => `${i} `.repeat(40)
    const snapshots: [number, TextSnapshot][] = []
    db.putSync('j', 'below')
    db.putSync('l', 'above')
    const write = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        db.putSync('k', value(i))
        if (i % 20 === 0) snapshots.push([i, db.snapshot()])
      }
    }
    const check = (): void => {
      for (const [i, snapshot] of snapshots) {
        expectExactly(snapshot, [
          ['j', 'below'],
          ['k', value(i)],
          ['l', 'above'],
        ])
      }
    }
    write(0, 2000)
    check()
    db.flushSync()
    check()
    write(2000, 3000)
    check()
    db.flushSync()
    check()
    expect(snapshots.length).toBe(150)
    expect(db.stats().keyspaces[0]?.tables).toBe(2)
    await db.close()
  })

  it('taken after several flushes resolves', async () => {
    const db = await openText()
    for (let i = 0; i < 5; i++) {
      db.putSync('k', `${i}`)
      db.putSync(numbered(i), 'x')
      db.flushSync()
    }
    const snapshot = db.snapshot()
    db.putSync('k', 'later')
    db.deleteSync(numbered(0))
    expect(snapshot.getSync('k')).toBe('4')
    expect([...snapshot.keysSync()].length).toBe(6)
    expect(snapshot.hasSync(numbered(0))).toBe(true)
    await db.close()
  })

  it('held over more than 10 rotations stays exact, and no flushed memtable stays in memory', async () => {
    const db = await openText(undefined, { memtableSize: 65_536 })
    for (let i = 0; i < 1000; i++) db.putSync(numbered(i), `before ${i}`)
    db.flushSync()
    const snapshot = db.snapshot()
    const free: number[] = []
    for (let round = 0; round < 15; round++) {
      for (let i = 0; i < 1000; i++) db.putSync(numbered(i), `round ${round} ${'x'.repeat(80)}`)
      for (let i = 0; i < 1000; i += 3) db.deleteSync(numbered(i))
      db.flushSync()
      expect(db.stats().keyspaces[0]).toMatchObject({ memtables: 0, memtableBytes: 0, memtableEntries: 0 })
      free.push(db.stats().memoryFreeBytes)
    }
    expect(db.stats().keyspaces[0]?.tables).toBeGreaterThan(0)
    expect(new Set(free).size).toBe(1)
    expectExactly(
      snapshot,
      Array.from({ length: 1000 }, (_, i): Entry => [numbered(i), `before ${i}`]),
    )
    await db.close()
  })

  it('never sees a part of a batch, in one keyspace or over several', async () => {
    const db = await openText(undefined, { memtableSize: 4096 })
    const other = db.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    const pending: Promise<void>[] = []
    const check = (): void => {
      const snapshot = db.snapshot()
      const seen = [
        snapshot.getSync('a'),
        snapshot.getSync('z'),
        other.at(snapshot).getSync('a'),
        other.getSync('a', { snapshot }),
        snapshot.firstSync()?.[1],
        other.at(snapshot).lastSync()?.[1],
      ]
      expect(new Set(seen).size).toBe(1)
      snapshot.close()
    }
    for (let i = 0; i < 300; i++) {
      const batch = db.batch().put('a', `${i}`)
      check()
      batch.put(other, 'a', `${i}`)
      check()
      batch.put('z', `${i}`)
      check()
      pending.push(batch.commit())
      check()
      if (i % 10 === 0) await Promise.all(pending)
      check()
      if (i % 50 === 0) db.flushSync()
    }
    await Promise.all(pending)
    expect([db.getSync('a'), db.getSync('z'), other.getSync('a')]).toEqual(['299', '299', '299'])
    await db.close()
  })

  it('does not outlive its database, and takes nothing of it over a reopen', async () => {
    const fileSystem = new FaultyFileSystem()
    const write = async (db: TextDatabase, value: string): Promise<void> => {
      db.putSync('k', value)
      db.snapshot()
      db.deleteSync('gone')
      await db.close()
    }
    const db = await openText(fileSystem)
    db.putSync('gone', '1')
    db.flushSync()
    await write(db, '1')
    await write(await openText(fileSystem), '2')
    const last = await openText(fileSystem)
    expect(last.stats().openReads).toBe(0)
    const snapshot = last.snapshot()
    expectExactly(snapshot, [['k', '2']], ['gone'])
    await last.close()
    expect(() => snapshot.getSync('k')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })
})
