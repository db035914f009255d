import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TYPE_EXTENT, TYPE_TOMBSTONE, TYPE_VALUE, TYPE_WEAK_TOMBSTONE } from '../../assembly/memory/layout.ts'
import { bytes } from '../kernel/entries.ts'
import { compareEntries, compareKeys, type TableEntry } from '../kernel/table-format.ts'
import { StreamWorld, visible } from './stream-world.ts'

const world = new StreamWorld()

/** 'a5' a value, 'a5-' a tombstone, 'a5~' a weak tombstone of key a at seqno 5. */
function entryOf(text: string): TableEntry {
  const [, key = '', seqno = '', mark = ''] = /^([a-z]+)(\d+)([-~]?)$/.exec(text) ?? []
  const type = mark === '-' ? TYPE_TOMBSTONE : mark === '~' ? TYPE_WEAK_TOMBSTONE : TYPE_VALUE
  return { key: bytes(key), seqno: BigInt(seqno), type, value: bytes(mark === '' ? `value ${text}` : '') }
}

function textOf({ key, seqno, type }: TableEntry): string {
  const mark = type === TYPE_TOMBSTONE ? '-' : type === TYPE_WEAK_TOMBSTONE ? '~' : ''
  return `${Buffer.from(key).toString()}${seqno}${mark}`
}

const parse = (text: string): TableEntry[] => text.split(' ').filter(Boolean).map(entryOf)

describe('what a flush or a compaction drops', () => {
  // B is 100 unless it says otherwise.
  const cases: [
    rule: string,
    entries: string,
    snapshots: number[],
    older: string,
    kept: string,
    barrier?: number,
  ][] = [
    ['the newest version stays', 'a1 b2', [], '', 'a1 b2'],
    ['an older version that no snapshot can ask for goes', 'a1 a2 a3', [], '', 'a3'],
    ['a snapshot keeps the newest version below it', 'a1 a2 a3 a4', [3], '', 'a4 a2'],
    ['a snapshot at the newer seqno keeps the older version', 'a1 a2', [2], '', 'a2 a1'],
    ['a snapshot at the older seqno does not see it', 'a1 a2', [1], '', 'a2'],
    ['a snapshot above the newer one sees that', 'a1 a2', [3], '', 'a2'],
    ['several snapshots keep one version each', 'a1 a2 a3 a4 a5 a6', [2, 3, 6], '', 'a6 a5 a2 a1'],
    ['nothing goes for a newer version from B on', 'a1 a2 a3', [], '', 'a3 a2', 3],
    ['B itself is such a newer version', 'a1 a2', [], '', 'a2 a1', 2],
    ['a tombstone with nothing below it goes', 'a2-', [], '', ''],
    ['a tombstone takes what is below it along', 'a1 a2-', [], '', ''],
    ['a tombstone stays where an older table may hold the key', 'b2-', [], 'a1 c1', 'b2-'],
    ['a tombstone outside of all older tables goes', 'd2-', [], 'a1 c1', ''],
    ['a tombstone that a snapshot does not see stays', 'a1 a2-', [2], '', 'a2- a1'],
    ['a tombstone at or above the oldest snapshot stays, without a version below too', 'a2-', [2], '', 'a2-'],
    ['a tombstone below the oldest snapshot goes', 'a1 a2-', [3], '', ''],
    ['a tombstone from B on stays', 'a2-', [], '', 'a2-', 2],
    ['a tombstone below a value stays while an older table may hold the key', 'a2- a3', [], 'a1', 'a3 a2-'],
    ['of several tombstones in a row the newest is enough', 'a2- a3 a4- a5 a6-', [], 'a1', 'a6-'],
    ['a tombstone below a value goes with nothing below it', 'a1 a2- a3', [], '', 'a3'],
    ['a weak tombstone and the value below it go together', 'a1 a2~', [], '', ''],
    ['they do where older tables may hold the key too', 'a2 a3~', [], 'a1', ''],
    ['not with a snapshot between them', 'a1 a2~', [2], '', 'a2~ a1'],
    ['not from B on', 'a1 a2~', [], '', 'a2~ a1', 2],
    ['a weak tombstone whose value lies elsewhere stays', 'a2~', [], 'a1', 'a2~'],
    ['a weak tombstone with nothing below it goes', 'a2~', [], '', ''],
    ['a pair goes below a newer value', 'a2 a3~ a4', [], 'a1', 'a4'],
    ['a weak tombstone below a value stays for a value elsewhere', 'a2~ a3', [], 'a1', 'a3 a2~'],
    ['what a pair leaves behind keeps the tombstone below it', 'a2- a3 a4~', [], 'a1', 'a2-'],
    ['a repeated weak tombstone goes', 'a2~ a3~', [], 'a1', 'a3~'],
    ['a tombstone below a weak one stays', 'a2- a3~', [], 'a1', 'a3~ a2-'],
    ['a weak one below a tombstone goes', 'a2~ a3-', [], 'a1', 'a3-'],
    ['stripes are apart', 'a1 a2~ a3 a4~ a5 a6~', [4], '', 'a4~ a3'],
  ]

  test.each(cases)('%s: %s, snapshots %j, older %j', async (_, entries, snapshots, older, kept, barrier) => {
    const inputs = { older: older === '' ? [] : [parse(older)], barrier: barrier ?? 100, snapshots }
    const all = parse(entries)
    for (const sources of [
      { memtables: [all] },
      { runs: [[all.toSorted(compareEntries)]] },
      // Each entry in a source of its own.
      { runs: all.map((entry) => [[entry]]) },
      { memtables: [all.slice(0, 1)], runs: all.slice(1).map((entry) => [[entry]]) },
    ]) {
      const left = await world.entries({ ...sources, ...inputs })
      expect(left.map(textOf).join(' ')).toBe(kept)
    }
  })

  test('without rules everything stays', async () => {
    const all = parse('a1 a2- a3 a4~ b1- c1')
    expect(await world.entries({ memtables: [all] })).toEqual(all.toSorted(compareEntries))
  })

  test('more snapshots than there is room for: nothing above the last one that fits is dropped', async () => {
    const all = Array.from({ length: 5000 }, (_, i) => entryOf(`a${i + 1}`))
    const snapshots = Array.from({ length: 4500 }, (_, i) => 2 + i)
    const left = await world.entries({ memtables: [all], barrier: 6000, snapshots })
    expect(left.length).toBe(5000)
    const few = await world.entries({ memtables: [all], barrier: 6000, snapshots: snapshots.slice(0, 100) })
    expect(few.length).toBe(101)
  })
})

// ── histories ────────────────────────────────────────────────────────────────────────────────────────────

interface History {
  readonly entries: readonly TableEntry[]
}

/** Writes and deletes in any order, with weak deletes only of keys that were written once since they were deleted last. */
const history: fc.Arbitrary<History> = fc
  .array(fc.record({ key: fc.nat(3), kind: fc.nat(5), size: fc.constantFrom(0, 3, 40_000) }), {
    minLength: 1,
    maxLength: 40,
    size: 'max',
  })
  .map((steps) => {
    const puts = new Map<number, number>()
    const entries = steps.map(({ key, kind, size }, i): TableEntry => {
      const count = puts.get(key) ?? 0
      const type = kind >= 3 ? TYPE_VALUE : kind === 0 && count === 1 ? TYPE_WEAK_TOMBSTONE : TYPE_TOMBSTONE
      puts.set(key, type === TYPE_VALUE ? count + 1 : 0)
      const value = new Uint8Array(type === TYPE_VALUE ? size : 0).fill(i)
      return { key: bytes('k'.repeat(key + 1)), seqno: BigInt(i + 1), type, value }
    })
    return { entries }
  })

const stored = (entry: TableEntry): TableEntry =>
  entry.value.length >= 32_768 ? { ...entry, type: TYPE_EXTENT } : entry

describe('any history', () => {
  test('reads at every live snapshot and from B on are what they were, compaction after compaction', async () => {
    await fc.assert(
      fc.asyncProperty(
        history,
        fc.array(fc.nat(1000), { minLength: 2, maxLength: 4 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 41 }), { maxLength: 5 }),
        fc.constantFrom('none' as const, 'lz4' as const),
        async ({ entries }, cuts, snapshotSeqnos, compression) => {
          const all = entries.map(stored)
          const last = entries.length + 1
          const bounds = [0, ...cuts.map((cut) => cut % last), last - 1].toSorted((a, b) => a - b)
          const snapshots = snapshotSeqnos.filter((seqno) => seqno <= last).toSorted((a, b) => a - b)
          // Parts by age, oldest first: what one run holds.
          const parts = bounds.slice(1).map((end, i) => entries.slice(bounds[i], end))
          const sorted = (part: readonly TableEntry[]): TableEntry[] => part.toSorted(compareEntries)
          const [oldest = [], middle = [], ...newer] = parts
          const live = [...snapshots, last]
          const check = (left: readonly TableEntry[], seqnos: readonly number[]): void => {
            for (const seqno of seqnos) {
              expect(visible(left, seqno).map(textOf)).toEqual(visible(all, seqno).map(textOf))
              visible(left, seqno).forEach((entry, i) =>
                expect(compareKeys(entry.value, visible(all, seqno)[i]?.value ?? bytes(''))).toBe(0),
              )
            }
          }
          const policy = { compression }
          const runsOf = (...some: readonly (readonly TableEntry[])[]): TableEntry[][][] =>
            some.filter((part) => part.length > 0).map((part) => [sorted(part.map(raw))])
          // The newer ones are flushed, B somewhere above the oldest of them.
          const flushed = await world.entries({
            memtables: [newer.flat()],
            older: [oldest, middle].filter((part) => part.length > 0),
            barrier: last,
            snapshots,
            policy,
          })
          check([...oldest.map(stored), ...middle.map(stored), ...flushed], live)
          // They are merged with the middle ones, then, with fewer snapshots, with all.
          const merged = await world.entries({
            runs: runsOf(flushed, middle),
            older: [oldest].filter((part) => part.length > 0),
            barrier: last,
            snapshots,
            policy,
          })
          check([...oldest.map(stored), ...merged], live)
          const fewer = snapshots.filter((_, i) => i % 2 === 0)
          const bottom = await world.entries({
            runs: runsOf(merged, oldest),
            barrier: last,
            snapshots: fewer,
            policy,
          })
          check(bottom, [...fewer, last])
          // Nothing is left at the bottom but what is read.
          const read = new Set([...fewer, last].flatMap((seqno) => visible(all, seqno).map(textOf)))
          const values = bottom.filter(({ type }) => type === TYPE_VALUE || type === TYPE_EXTENT).map(textOf)
          expect(values.filter((text) => !read.has(text))).toEqual([])
        },
      ),
      { numRuns: 150 },
    )
  })
})

/** An entry as it is put into a memtable. */
function raw(entry: TableEntry): TableEntry {
  return entry.type === TYPE_EXTENT ? { ...entry, type: TYPE_VALUE } : entry
}

describe('tables that come out', () => {
  const many = Array.from({ length: 3000 }, (_, i) => ({
    key: bytes(String(i).padStart(6, '0')),
    seqno: BigInt(i + 1),
    type: TYPE_VALUE,
    value: bytes('v'.repeat(100)),
  }))

  test('end at the size aimed at, not inside a user key', async () => {
    const versions = many.flatMap((entry, i) =>
      i % 10 === 0 ? [{ ...entry, seqno: entry.seqno + 10_000n }, entry] : [entry],
    )
    const runs = [
      [versions.slice(0, 1000), versions.slice(1000)].map((part) => part.toSorted(compareEntries)),
    ]
    const tables = await world.write({ runs, policy: { targetBytes: 50_000 } })
    expect(tables.length).toBeGreaterThan(5)
    for (const [i, { info }] of tables.entries()) {
      if (i < tables.length - 1) expect(info.sizeBytes).toBeGreaterThanOrEqual(50_000)
      expect(info.sizeBytes).toBeLessThan(50_000 + 3 * 4096)
      const next = tables[i + 1]
      if (next) expect(compareKeys(info.largestKey, next.info.smallestKey)).toBeLessThan(0)
    }
    expect(tables.flatMap((table) => world.read(table))).toEqual(versions.toSorted(compareEntries))
    for (const table of tables) world.close(table)
  })

  test('hold a value whole, though its extents alone are larger', async () => {
    const large = many
      .slice(0, 8)
      .map((entry, i) => ({ ...entry, value: new Uint8Array(300_000 * (i % 3)).fill(i) }))
    const written = await world.write({ memtables: [large], policy: { targetBytes: 5000 } })
    expect(written.length).toBeGreaterThan(3)
    const again = written.map((table) => world.read(table).map(raw))
    const read = await world.entries({ runs: [again], policy: { targetBytes: 5000 } })
    expect(read.map(raw)).toEqual(large)
    for (const table of written) world.close(table)
  })

  test('end behind the keys they are cut at', async () => {
    const cutKeys = ['000100', '000100x', '000777x', '002999', '009'].map(bytes)
    const tables = await world.write({ memtables: [many], barrier: 9000, cutKeys })
    expect(tables.map(({ info }) => Buffer.from(info.largestKey).toString())).toEqual([
      '000100',
      '000777',
      '002999',
    ])
    for (const table of tables) world.close(table)
  })
})
