import { describe, expect, it } from 'vitest'
import type { KeyspaceStats } from '../../src/index.ts'
import { openBytes, openText, type TextDatabase } from '../api/support.ts'
import { filesEnding } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { type Entry, expectExactly, numbered } from './states.ts'

function figures(db: TextDatabase): KeyspaceStats {
  return db.stats().keyspaces[0] as KeyspaceStats
}

/** Bytes of all table files. */
function tableBytes(fileSystem: FaultyFileSystem): number {
  let sum = 0
  for (const [name, bytes] of fileSystem.snapshotFiles()) if (name.endsWith('.sst')) sum += bytes.byteLength
  return sum
}

describe('300 runs that all overlap', () => {
  const runs = 300
  /** Run i writes the ends, which make it overlap with all others, a key of its own, and takes the one of run i - 7 away. */
  async function build(fileSystem: FaultyFileSystem): Promise<TextDatabase> {
    const db = await openText(fileSystem)
    for (let i = 0; i < runs; i++) {
      const batch = db.batch().put('a', `a ${i}`).put('z', `z ${i}`).put(numbered(i), `${i}`)
      if (i >= 7) batch.delete(numbered(i - 7))
      batch.commitSync()
      db.flushSync()
    }
    return db
  }
  const entries: Entry[] = [
    ['a', `a ${runs - 1}`],
    ...Array.from({ length: 7 }, (_, i): Entry => [numbered(runs - 7 + i), `${runs - 7 + i}`]),
    ['z', `z ${runs - 1}`],
  ]
  const absent = Array.from({ length: runs - 7 }, (_, i) => numbered(i))

  it(
    'are all read: the newest wins, deletions count, before and after reopen',
    { timeout: 60_000 },
    async () => {
      const fileSystem = new FaultyFileSystem()
      const db = await build(fileSystem)
      expect(figures(db).tables).toBe(runs)
      expect(filesEnding(fileSystem, '.sst').length).toBe(runs)
      expectExactly(db, entries, absent)
      const image = fileSystem.crashImage('keepAll', mulberry32(1))
      // NOTE: before the event loop has a turn, in which they would be merged.
      await db.close()
      const again = await openText(fileSystem)
      expect(figures(again).tables).toBe(runs)
      expectExactly(again, entries, absent)
      again.putSync(numbered(0), 'again')
      again.deleteSync('z')
      expectExactly(again, [entries[0] as Entry, [numbered(0), 'again'], ...entries.slice(1, -1)], ['z'])
      await again.close()
      const killed = await openText(image)
      expectExactly(killed, entries, absent)
      await killed.close()
    },
  )

  it('show a snapshot taken among them its own moment', { timeout: 60_000 }, async () => {
    const db = await openText()
    const snapshots = []
    for (let i = 0; i < runs; i++) {
      db.batch().put('a', `${i}`).put('m', `${i}`).put('z', `${i}`).commitSync()
      db.flushSync()
      if (i % 30 === 0) snapshots.push({ i, snapshot: db.snapshot() })
    }
    expect(figures(db).tables).toBe(runs)
    for (const { i, snapshot } of snapshots) {
      expectExactly(
        snapshot,
        ['a', 'm', 'z'].map((key): Entry => [key, `${i}`]),
      )
    }
    await db.close()
  })
})

describe('tables', () => {
  it('are the files there are: their number, their bytes and their entries, also after reopen', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 500; i++) db.putSync(numbered(i), `${round} ${'x'.repeat((i * round) % 300)}`)
      db.putSync('large', 'y'.repeat(40_000 * round))
      db.flushSync()
      const expected = {
        tables: round + 1,
        tableBytes: tableBytes(fileSystem),
        tableEntries: 501 * (round + 1),
      }
      expect(figures(db)).toMatchObject(expected)
      expect(filesEnding(fileSystem, '.sst').length).toBe(round + 1)
    }
    const { tables, tableBytes: bytes, tableEntries } = figures(db)
    await db.close()
    const again = await openText(fileSystem)
    expect(figures(again)).toMatchObject({ tables, tableBytes: bytes, tableEntries })
    await again.close()
  })

  it('grow with what is put into them: a load of random bytes takes its size, and at most a tenth more', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openBytes({}, fileSystem)
    const random = mulberry32(7)
    let payload = 0
    for (let i = 0; i < 3000; i++) {
      const value = Uint8Array.from({ length: 200 }, () => random() * 256)
      db.putSync(numbered(i), value)
      payload += value.byteLength
    }
    db.flushSync()
    expect(tableBytes(fileSystem)).toBeGreaterThan(payload)
    expect(tableBytes(fileSystem)).toBeLessThan(1.1 * payload + 7 * 3000)
    await db.close()
  })

  it('of keyspaces and times never share an id, and ids go on after reopen', async () => {
    const fileSystem = new FaultyFileSystem()
    const seen = new Set<string>()
    for (let open = 0; open < 4; open++) {
      const db = await openText(fileSystem)
      const other = db.keyspaceSync('other')
      for (let i = 0; i < 3; i++) {
        const before = new Set(filesEnding(fileSystem, '.sst'))
        db.putSync('k', `${open} ${i}`)
        other.putSync('k', `${open} ${i}`)
        db.flushSync()
        const fresh = filesEnding(fileSystem, '.sst').filter((name) => !before.has(name))
        expect(fresh.length).toBe(2)
        for (const name of fresh) {
          expect([...seen].every((older) => older < name)).toBe(true)
        }
        for (const name of fresh) seen.add(name)
      }
      if (open === 1) db.dropKeyspaceSync('other')
      await db.close()
    }
    expect(seen.size).toBe(24)
  })

  it('of a dropped keyspace leave the disk without reopening, and with a snapshot and a range open', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    db.putSync('kept', '1')
    db.flushSync()
    const baseline = tableBytes(fileSystem)
    for (let round = 0; round < 3; round++) {
      const other = db.keyspaceSync('other')
      for (let i = 0; i < 1000; i++) other.putSync(numbered(i), 'x'.repeat(100))
      other.flushSync()
      expect(tableBytes(fileSystem)).toBeGreaterThan(baseline + 100_000)
      const snapshot = db.snapshot()
      const range = other.keysSync()
      range.next()
      db.dropKeyspaceSync('other')
      expect(() => range.next()).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
      expect(snapshot.getSync('kept')).toBe('1')
      range.return()
      snapshot.close()
      expect(tableBytes(fileSystem)).toBe(baseline)
      expect(db.stats().openReads).toBe(0)
    }
    await db.close()
  })

  it('bounded by keys of the longest size are found by their first and last key, and by what lies between', async () => {
    const fileSystem = new FaultyFileSystem()
    const key = (first: number, last: number): Uint8Array =>
      new Uint8Array(65_535).fill(0x80).with(0, first).with(65_534, last)
    let db = await openBytes({}, fileSystem)
    const firsts = [0, 1, 127, 128, 255]
    for (const last of [0, 255]) {
      for (const first of firsts) db.putSync(key(first, last), Uint8Array.of(first, last))
      db.putSync(Uint8Array.of(100, last), Uint8Array.of(100, last))
      db.flushSync()
    }
    const expected = [...firsts, 100]
      .sort((a, b) => a - b)
      .flatMap((first) => [0, 255].map((last) => [first, last]))
    for (let round = 0; round < 2; round++) {
      expect([...db.valuesSync()].map((value) => [...value])).toEqual(expected)
      expect([...db.valuesSync({ reverse: true })].map((value) => [...value])).toEqual(expected.toReversed())
      for (const first of firsts) {
        for (const last of [0, 255]) expect(db.getSync(key(first, last))).toEqual(Uint8Array.of(first, last))
        expect(db.getSync(key(first, 128))).toBeUndefined()
        expect([...(db.firstSync({ gt: key(first, 0) })?.[1] ?? [])]).toEqual([first, 255])
      }
      await db.close()
      db = await openBytes({}, fileSystem)
    }
    await db.close()
  })

  it('answer every range around and across the bounds of their blocks', async () => {
    const db = await openText()
    const entries = Array.from({ length: 2000 }, (_, i): Entry => [numbered(2 * i), `${i} `.repeat(20)])
    for (const [key, value] of entries) db.putSync(key, value)
    db.flushSync()
    for (let i = 0; i < 2000; i++) {
      const [key] = entries[i] as Entry
      const odd = numbered(2 * i + 1)
      expect(db.getSync(odd)).toBeUndefined()
      expect(db.firstSync({ gte: key })).toEqual(entries[i])
      expect(db.firstSync({ gt: key })).toEqual(entries[i + 1])
      expect(db.firstSync({ gte: odd })).toEqual(entries[i + 1])
      expect(db.lastSync({ lte: key })).toEqual(entries[i])
      expect(db.lastSync({ lt: key })).toEqual(entries[i - 1])
      expect(db.lastSync({ lt: odd })).toEqual(entries[i])
      expect([...db.rangeSync({ gte: key, limit: 3 })]).toEqual(entries.slice(i, i + 3))
      expect([...db.rangeSync({ lt: odd, limit: 3, reverse: true })]).toEqual(
        entries.slice(Math.max(0, i - 2), i + 1).toReversed(),
      )
    }
    expect([...db.keysSync({ gte: 'l' })]).toEqual([])
    expect([...db.keysSync({ lt: 'k' })]).toEqual([])
    expect([...db.rangeSync({ gte: 'a', lt: 'z' })]).toEqual(entries)
    await db.close()
  })
})
