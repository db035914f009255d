import { describe, expect, it } from 'vitest'
import type { RangeOptions } from '../../src/index.ts'
import { expectCode, openBytes, openText } from '../api/support.ts'
import { type Entry, entriesAfter, expectExactly, type History, numbered, states } from './states.ts'

const mixed: History = [
  ['b', 'd', 'f', 'h', 'j', 'l'].map((key) => [key, `old ${key}`] as const),
  [
    ['d', undefined],
    ['f', 'newer f'],
    ['c', 'only c'],
  ],
  [
    ['d', 'again d'],
    ['j', undefined],
    ['l', undefined],
    ['k', 'only k'],
  ],
]

/** What a range must hand out, said in the simplest way. */
function expected(entries: readonly Entry[], options: RangeOptions<string>): Entry[] {
  const { gte, gt, lte, lt, prefix, reverse, limit } = options
  const within = entries.filter(
    ([key]) =>
      (gte === undefined || key >= gte) &&
      (gt === undefined || key > gt) &&
      (lte === undefined || key <= lte) &&
      (lt === undefined || key < lt) &&
      (prefix === undefined || key.startsWith(prefix)),
  )
  if (reverse === true) within.reverse()
  return limit === undefined ? within : within.slice(0, limit)
}

const bounds = ['', 'a', 'b', 'c', 'cc', 'd', 'e', 'f', 'h', 'i', 'j', 'k', 'l', 'm']
const lowers: RangeOptions<string>[] = [{}, ...bounds.flatMap((key) => [{ gte: key }, { gt: key }])]
const uppers: RangeOptions<string>[] = [{}, ...bounds.flatMap((key) => [{ lte: key }, { lt: key }])]

describe.each(states)('ranges, $name', ({ build }) => {
  it('hand out exactly what lies between any two bounds of any kind, forwards, backwards and limited', async () => {
    const db = await build(mixed)
    const entries = entriesAfter(mixed)
    expect(entries.map(([key]) => key)).toEqual(['b', 'c', 'd', 'f', 'h', 'k'])
    for (const lower of lowers) {
      for (const upper of uppers) {
        const span = { ...lower, ...upper }
        const forwards = [...db.rangeSync(span)]
        const backwards = [...db.rangeSync({ ...span, reverse: true })]
        const all = expected(entries, span)
        if (JSON.stringify([forwards, backwards]) !== JSON.stringify([all, all.toReversed()])) {
          expect({ span, forwards, backwards }).toEqual({
            span,
            forwards: all,
            backwards: all.toReversed(),
          })
        }
        expect(db.firstSync(span)).toEqual(all[0])
        expect(db.lastSync(span)).toEqual(all.at(-1))
        expect([...db.rangeSync({ ...span, limit: 2, reverse: true })]).toEqual(all.toReversed().slice(0, 2))
      }
    }
    await db.close()
  })

  it('of prefixes hand out the keys that start with them, and no others', async () => {
    const history: History = [
      ['abc', 'abd', 'ab', 'a', 'b', 'abca', 'ac'].map((key) => [key, `old ${key}`] as const),
      [
        ['abd', undefined],
        ['abcb', 'new'],
        ['abc', 'new'],
      ],
      [
        ['abz', 'new'],
        ['a', undefined],
      ],
    ]
    const db = await build(history)
    const entries = entriesAfter(history)
    for (const prefix of ['', 'a', 'ab', 'abc', 'abca', 'abcaa', 'abd', 'ac', 'b', 'c']) {
      for (const extra of [{}, { gt: 'abc' }, { lt: 'abc' }, { limit: 1 }, { gte: 'b' }]) {
        for (const reverse of [false, true]) {
          const options = { prefix, reverse, ...extra }
          expect([...db.rangeSync(options)]).toEqual(expected(entries, options))
        }
      }
      expect(db.firstSync({ prefix })).toEqual(expected(entries, { prefix })[0])
      expect(db.lastSync({ prefix })).toEqual(expected(entries, { prefix }).at(-1))
    }
    await db.close()
  })

  it('over disjoint parts are complete and in order', async () => {
    const history: History = ['m', 'a', 'z', 'g'].map((prefix) =>
      Array.from({ length: 300 }, (_, i) => [numbered(i, prefix), `${prefix} ${i}`] as const),
    )
    const db = await build(history)
    const entries = entriesAfter(history)
    expectExactly(db, entries)
    for (const options of [
      { prefix: 'g' },
      { gt: numbered(298, 'a'), lt: numbered(2, 'm') },
      { gte: 'b', lt: 'g' },
      { gte: numbered(150, 'g'), lte: numbered(150, 'z') },
    ]) {
      expect([...db.rangeSync(options)]).toEqual(expected(entries, options))
      const reverse = { ...options, reverse: true }
      expect([...db.rangeSync(reverse)]).toEqual(expected(entries, reverse))
    }
    await db.close()
  })

  it('skip thousands of deleted keys and hidden versions', async () => {
    const all = Array.from({ length: 3000 }, (_, i) => numbered(i))
    const history: History = [
      all.map((key) => [key, 'first'] as const),
      all.map((key) => [key, 'second'] as const),
      all.slice(1, -1).map((key) => [key, undefined] as const),
    ]
    const db = await build(history)
    expectExactly(
      db,
      [
        [numbered(0), 'second'],
        [numbered(2999), 'second'],
      ],
      [numbered(1), numbered(2998)],
    )
    expect([...db.rangeSync({ gt: numbered(0), lt: numbered(2999) })]).toEqual([])
    await db.close()
  })

  it('delete by prefix while they iterate, until nothing is left', async () => {
    const keys = Array.from({ length: 400 }, (_, i) => numbered(i, i % 2 === 0 ? 'even' : 'odd'))
    const db = await build([
      keys.slice(0, 200).map((key) => [key, 'x'] as const),
      keys.slice(100).map((key) => [key, 'y'] as const),
    ])
    let deleted = 0
    for (const key of db.keysSync({ prefix: 'even' })) {
      db.deleteSync(key)
      deleted++
    }
    expect(deleted).toBe(200)
    expect([...db.keysSync({ prefix: 'even' })]).toEqual([])
    expect([...db.keysSync()].length).toBe(200)
    for (const [key] of db.rangeSync({ reverse: true })) db.deleteSync(key)
    expectExactly(db, [], keys)
    db.flushSync()
    expectExactly(db, [], keys)
    await db.close()
  })

  it('first() and last() follow every write, deletion and flush', async () => {
    const db = await build([[['m', '1']], [['n', '1']]])
    const edges = (): (string | undefined)[] => [db.firstSync()?.[0], db.lastSync()?.[0]]
    expect(edges()).toEqual(['m', 'n'])
    db.putSync('a', '1')
    db.putSync('z', '1')
    expect(edges()).toEqual(['a', 'z'])
    db.deleteSync('a')
    expect(edges()).toEqual(['m', 'z'])
    db.flushSync()
    expect(edges()).toEqual(['m', 'z'])
    db.deleteSync('z')
    db.deleteSync('m')
    expect(edges()).toEqual(['n', 'n'])
    db.deleteSync('n')
    expect(edges()).toEqual([undefined, undefined])
    db.flushSync()
    expect(edges()).toEqual([undefined, undefined])
    await db.close()
  })
})

describe('an open range', () => {
  const before = Array.from({ length: 2000 }, (_, i): Entry => [numbered(i), `value ${i}`])

  it.each([false, true])(
    'goes on with what it began with, through overwrites, deletions, flushes and rotations (reverse: %s)',
    async (reverse) => {
      const db = await openText(undefined, { memtableSize: 65_536 })
      for (const [key, value] of before) db.putSync(key, value)
      const range = db.rangeSync({ reverse })
      const seen: Entry[] = []
      for (let i = 0; i < 500; i++) seen.push(range.next().value as Entry)
      for (let i = 0; i < 2000; i += 2) db.deleteSync(numbered(i))
      for (let i = 1; i < 2000; i += 2) db.putSync(numbered(i), 'new')
      for (let i = 0; i < 2000; i++) db.putSync(`${numbered(i)}+`, 'between')
      db.flushSync()
      for (let i = 0; i < 2000; i++) db.putSync(numbered(i), 'newest')
      await db.flush()
      seen.push(...range)
      expect(seen).toEqual(reverse ? before.toReversed() : before)
      expect([...db.keysSync()].length).toBe(4000)
      await db.close()
    },
  )

  it('allows writes to the keys it hands out', async () => {
    const db = await openText()
    for (let i = 0; i < 100; i++) db.putSync(numbered(i), '1')
    db.flushSync()
    let steps = 0
    for (const [key, value] of db.rangeSync()) {
      db.putSync(key, `${value}+`)
      db.putSync(`${key}x`, 'new')
      steps++
    }
    expect(steps).toBe(100)
    expect([...db.valuesSync()].filter((value) => value === '1+').length).toBe(100)
    expect([...db.keysSync()].length).toBe(200)
    await db.close()
  })

  it('is independent of any number of others', async () => {
    const db = await openText()
    for (const [key, value] of before.slice(0, 1000)) db.putSync(key, value)
    db.flushSync()
    for (const [key, value] of before.slice(1000)) db.putSync(key, value)
    const ranges = Array.from({ length: 20 }, (_, i) => ({
      range: db.keysSync({ gte: numbered(50 * i), reverse: i % 2 === 1 }),
      expected: before.slice(50 * i).map(([key]) => key),
      seen: [] as string[],
    }))
    ranges.forEach((each, i) => {
      if (i % 2 === 1) each.expected.reverse()
    })
    for (let left = ranges.length; left > 0;) {
      left = 0
      for (const { range, seen } of ranges) {
        const { done, value } = range.next()
        if (done === true) continue
        seen.push(value)
        left++
      }
    }
    for (const each of ranges) expect(each.seen).toEqual(each.expected)
    expect(db.stats().openReads).toBe(0)
    await db.close()
  })

  it('says CLOSED after the database was closed, and nothing was lost', async () => {
    const db = await openText()
    db.putSync('a', '1')
    db.putSync('b', '1')
    const range = db.rangeSync()
    expect(range.next().value).toEqual(['a', '1'])
    await db.close()
    await expectCode('CLOSED', () => range.next())
  })

  it('asynchronously sees the moment of its call, not of its first step', async () => {
    const db = await openText()
    db.putSync('a', '1')
    const range = db.range()
    db.putSync('b', '1')
    db.deleteSync('a')
    expect(await range.toArray()).toEqual([['a', '1']])
    await db.close()
  })
})

describe('ranges of bytes', () => {
  it('of prefixes that end in 0xFF, or are nothing else, have the right upper end', async () => {
    const keys = [
      [1],
      [1, 255],
      [1, 255, 0],
      [1, 255, 255],
      [1, 255, 255, 7],
      [2],
      [255],
      [255, 255],
      [255, 255, 255],
    ]
    const db = await openBytes()
    for (const key of keys) db.putSync(Uint8Array.from(key), 'x')
    for (let round = 0; round < 2; round++) {
      for (const prefix of [
        [],
        [0],
        [1],
        [1, 255],
        [1, 255, 255],
        [2],
        [254],
        [255],
        [255, 255],
        [255, 255, 255, 255],
      ]) {
        const expectedKeys = keys.filter((key) => prefix.every((byte, i) => key[i] === byte))
        const options = { prefix: Uint8Array.from(prefix) }
        expect([...db.keysSync(options)].map((key) => [...key])).toEqual(expectedKeys)
        expect([...db.keysSync({ ...options, reverse: true })].map((key) => [...key])).toEqual(
          expectedKeys.toReversed(),
        )
      }
      db.flushSync()
    }
    await db.close()
  })

  it('hand out small and large values mixed, both ways', async () => {
    const db = await openText()
    const sizes = [3, 100_000, 0, 33_000, 5, 70_000, 1, 250_000, 32_768]
    const entries = sizes.map((size, i): Entry => [numbered(i), String(i).repeat(size)])
    for (const [key, value] of entries) db.putSync(key, value)
    expectExactly(db, entries)
    db.flushSync()
    expectExactly(db, entries)
    await db.close()
  })
})
