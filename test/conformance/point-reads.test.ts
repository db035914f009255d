import { describe, expect, it } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { openBytes, openText } from '../api/support.ts'
import { entriesAfter, expectExactly, type History, numbered, states } from './states.ts'

const upserts: History = [
  [
    ['a', 'old a'],
    ['b', 'old b'],
    ['c', 'only c'],
  ],
  [
    ['b', 'middle b'],
    ['d', 'only d'],
  ],
  [
    ['a', 'new a'],
    ['b', 'new b'],
    ['b', 'newest b'],
  ],
]

const deletes: History = [
  [
    ['a', 'old a'],
    ['b', 'old b'],
    ['c', 'old c'],
    ['d', 'only d'],
  ],
  [
    ['a', undefined],
    ['b', undefined],
    ['never', undefined],
  ],
  [
    ['b', 'again b'],
    ['c', undefined],
    ['e', 'short-lived'],
    ['e', undefined],
  ],
]

const disjoint: History = ['a', 'c', 'b', 'd'].map((prefix) =>
  Array.from({ length: 50 }, (_, i) => [numbered(2 * i, prefix), `${prefix} ${i}`] as const),
)

describe.each(states)('point reads, $name', ({ build }) => {
  it('find the last write of every key', async () => {
    const db = await build(upserts)
    expectExactly(
      db,
      [
        ['a', 'new a'],
        ['b', 'newest b'],
        ['c', 'only c'],
        ['d', 'only d'],
      ],
      ['', 'A', 'aa', 'bb', 'e'],
    )
    await db.close()
  })

  it('do not find what was deleted, and find what was put again', async () => {
    const db = await build(deletes)
    expectExactly(
      db,
      [
        ['b', 'again b'],
        ['d', 'only d'],
      ],
      ['a', 'c', 'e', 'never'],
    )
    await db.close()
  })

  it('find nothing when everything was deleted', async () => {
    const db = await build([
      [
        ['a', '1'],
        ['b', '1'],
      ],
      [['a', undefined]],
      [['b', undefined]],
    ])
    expectExactly(db, [], ['a', 'b'])
    await db.close()
  })

  it('find everything of disjoint parts and nothing between them', async () => {
    const db = await build(disjoint)
    const entries = entriesAfter(disjoint)
    expect(entries.length).toBe(200)
    const between = entries.map(([key]) => numbered(Number(key.slice(1)) + 1, key[0]))
    expectExactly(db, entries, between)
    await db.close()
  })

  it('tell an empty value from none, and the empty key from others', async () => {
    const db = await build([
      [
        ['', 'of the empty key'],
        ['a', ''],
      ],
      [
        ['', ''],
        ['b', 'x'],
      ],
      [['b', '']],
    ])
    expectExactly(
      db,
      [
        ['', ''],
        ['a', ''],
        ['b', ''],
      ],
      [' ', 'c'],
    )
    await db.close()
  })

  it('find values of every size beside each other', async () => {
    const sizes = [0, 1, 100, 4000, 4096, 32_767, 32_768, 32_769, 131_072, 300_000]
    const valueOf = (size: number, mark: string): string => mark.repeat(size)
    const history: History = [
      sizes.map((size) => [numbered(size), valueOf(size, 'x')] as const),
      // Large ones become small, small ones large.
      sizes.toReversed().map((size, i) => [numbered(size), valueOf(sizes[i] as number, 'y')] as const),
      [
        [numbered(300_000), undefined],
        [numbered(32_768), valueOf(200_000, 'z')],
      ],
    ]
    const db = await build(history)
    expectExactly(db, entriesAfter(history), [numbered(300_000)])
    await db.close()
  })
})

describe('point reads', () => {
  it('find keys of the longest size in memtable, table and after reopen, and tell them apart by their last byte', async () => {
    const key = (last: number): Uint8Array => new Uint8Array(65_535).fill(0xff).with(65_534, last)
    const shorter = new Uint8Array(65_534).fill(0xff)
    const fileSystem = memoryFileSystem()
    let db = await openBytes({}, fileSystem)
    for (const last of [255, 0, 7]) db.putSync(key(last), Uint8Array.of(last))
    db.putSync(shorter, 'shorter')
    const check = (): void => {
      for (const last of [0, 7, 255]) expect(db.getSync(key(last))).toEqual(Uint8Array.of(last))
      for (const last of [1, 8, 254]) expect(db.getSync(key(last))).toBeUndefined()
      expect(db.getSync(shorter)).toEqual(new TextEncoder().encode('shorter'))
      expect(db.getSync(shorter.subarray(1))).toBeUndefined()
      const found = [...db.keysSync()]
      expect(found.map((each) => each.byteLength)).toEqual([65_534, 65_535, 65_535, 65_535])
      expect(found.slice(1).map((each) => each[65_534])).toEqual([0, 7, 255])
    }
    check()
    db.flushSync()
    check()
    await db.close()
    db = await openBytes({}, fileSystem)
    check()
    await db.close()
  })

  it('treat keys as unsigned bytes', async () => {
    const db = await openBytes()
    const keys = [[], [0], [0, 0], [0, 255], [1], [127], [128], [128, 0], [254, 255], [255], [255, 255]]
    keys.toReversed().forEach((key) => db.putSync(Uint8Array.from(key), Uint8Array.from([...key, 1])))
    for (let round = 0; round < 2; round++) {
      expect([...db.keysSync()].map((key) => [...key])).toEqual(keys)
      for (const key of keys) expect([...(db.getSync(Uint8Array.from(key)) ?? [])]).toEqual([...key, 1])
      expect(db.getSync(Uint8Array.of(255, 255, 255))).toBeUndefined()
      db.flushSync()
    }
    await db.close()
  })

  it('find a key that was written 20,000 times, and its neighbours', async () => {
    const db = await openText(undefined, { memtableSize: 262_144 })
    db.putSync('j', 'before')
    db.putSync('l', 'behind')
    for (let i = 0; i < 20_000; i++) db.putSync('k', `value ${i}`)
    const entries: [string, string][] = [
      ['j', 'before'],
      ['k', 'value 19999'],
      ['l', 'behind'],
    ]
    expectExactly(db, entries, ['i', 'ka', 'm'])
    db.flushSync()
    expectExactly(db, entries, ['i', 'ka', 'm'])
    db.deleteSync('k')
    expectExactly(db, [entries[0] as [string, string], entries[2] as [string, string]], ['k'])
    await db.close()
  })
})
