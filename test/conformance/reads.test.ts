import { describe, expect, test } from 'vitest'
import { left, PLACES, placed, type Step } from './places.ts'

const key = (i: number): string => `key${String(i).padStart(4, '0')}`
const put = (count: number, value: (i: number) => string = (i) => `value ${i}`): Step[] =>
  Array.from({ length: count }, (_, i) => [key(i), value(i)])

describe.each(PLACES)('%s:', (place) => {
  test('get returns the last write; an overwrite and a deletion count', async () => {
    const steps: Step[] = [['a', '1'], ['b', '1'], ['c', '1'], ['a', '2'], ['b'], ['c'], ['c', '3'], ['d']]
    const db = await placed(place, steps)
    expect(['a', 'b', 'c', 'd', 'e'].map((k) => db.getSync(k))).toEqual([
      '2',
      undefined,
      '3',
      undefined,
      undefined,
    ])
    expect(db.getManySync(['e', 'c', 'a', 'c'])).toEqual([undefined, '3', '2', '3'])
    expect(['a', 'b', 'e'].map((k) => db.hasSync(k))).toEqual([true, false, false])
    expect(db.sizeOfSync('a')).toBe(1)
    await db.close()
  })

  test('the empty key and the empty value are a key and a value', async () => {
    const db = await placed(place, [
      ['', 'empty key'],
      ['empty value', ''],
      ['z', 'z'],
    ])
    expect(db.getSync('')).toBe('empty key')
    expect(db.getSync('empty value')).toBe('')
    expect([...db.rangeSync()]).toEqual([
      ['', 'empty key'],
      ['empty value', ''],
      ['z', 'z'],
    ])
    expect(db.firstSync()).toEqual(['', 'empty key'])
    await db.close()
  })

  test('a key of 65,535 bytes and values around every size class are read back', async () => {
    const longest = 'k'.repeat(65_535)
    const sizes = [0, 1, 4095, 4096, 4097, 32_767, 32_768, 131_008, 131_009, 300_000]
    const steps: Step[] = [[longest, 'long'], ...sizes.map((n): Step => [`size${n}`, 'x'.repeat(n)])]
    const db = await placed(place, steps)
    expect(db.getSync(longest)).toBe('long')
    for (const n of sizes) expect(db.getSync(`size${n}`)?.length).toBe(n)
    expect([...db.rangeSync({ prefix: 'size' })].length).toBe(sizes.length)
    await db.close()
  })

  test('first and last follow writes and deletions', async () => {
    const steps: Step[] = [['b', '1'], ['a', '1'], ['d', '1'], ['c', '1'], ['a'], ['d']]
    const db = await placed(place, steps)
    expect([db.firstSync(), db.lastSync()]).toEqual([
      ['b', '1'],
      ['c', '1'],
    ])
    expect(db.firstSync({ gt: 'b' })).toEqual(['c', '1'])
    expect(db.lastSync({ lt: 'c' })).toEqual(['b', '1'])
    expect(db.firstSync({ gt: 'c' })).toBeUndefined()
    await db.close()
  })

  test('every range, forwards and backwards, has exactly the entries between its bounds', async () => {
    const steps: Step[] = [
      ...put(40),
      ...put(40, (i) => `newer ${i}`).filter((_, i) => i % 3 === 0),
      [key(7)],
      [key(12)],
    ]
    const db = await placed(place, steps)
    const all = left(steps)
    for (const from of [0, 5, 7, 39]) {
      for (const to of [0, 7, 12, 39]) {
        for (const [lower, upper] of [
          ['gte', 'lt'],
          ['gt', 'lte'],
        ] as const) {
          const inside = all.filter(
            ([k]) =>
              (lower === 'gte' ? k >= key(from) : k > key(from)) &&
              (upper === 'lt' ? k < key(to) : k <= key(to)),
          )
          const range = { [lower]: key(from), [upper]: key(to) }
          expect([...db.rangeSync(range)]).toEqual(inside)
          expect([...db.rangeSync({ ...range, reverse: true })]).toEqual(inside.toReversed())
          expect([...db.rangeSync({ ...range, limit: 3 })]).toEqual(inside.slice(0, 3))
          expect(db.countSync(range)).toBe(inside.length)
          expect(db.isEmptySync(range)).toBe(inside.length === 0)
        }
      }
    }
    expect([...db.rangeSync({ lt: '' })]).toEqual([])
    expect([...db.rangeSync({ gt: '\xff\xff' })]).toEqual([])
    await db.close()
  })

  test('a prefix has the keys that begin with it, up to the last possible byte', async () => {
    const keys = ['a', 'ab', 'abc', 'abd', 'ac', 'b', '\u{10ffff}', '\u{10ffff}\u{10ffff}', '\u{10ffff}x']
    const db = await placed(
      place,
      keys.map((k): Step => [k, k]),
    )
    for (const prefix of ['', 'a', 'ab', 'abc', 'ad', '\u{10ffff}', '\u{10ffff}\u{10ffff}']) {
      const expected = keys.filter((k) => k.startsWith(prefix))
      expect([...db.keysSync({ prefix })].sort()).toEqual(expected.sort())
      expect([...db.keysSync({ prefix, reverse: true })].length).toBe(expected.length)
    }
    await db.close()
  })

  test('count is exact, and the same while it is being iterated and written', async () => {
    const db = await placed(place, [...put(100), [key(3)], [key(50), 'again']])
    expect(db.countSync()).toBe(99)
    const range = db.rangeSync()
    range.next()
    db.putSync('new', '1')
    expect(db.countSync()).toBe(100)
    expect([...range].length).toBe(98)
    await db.close()
  })

  test('a loop that deletes what it iterates over leaves nothing, and sees all', async () => {
    const db = await placed(place, put(60))
    let seen = 0
    for (const k of db.keysSync({ prefix: 'key' })) {
      db.deleteSync(k)
      seen++
      if (seen % 20 === 0) db.flushSync()
    }
    expect(seen).toBe(60)
    expect(db.isEmptySync()).toBe(true)
    expect(db.firstSync()).toBeUndefined()
    await db.close()
  })

  test('an iterator sees what there was at its call, whatever is written, flushed and deleted meanwhile', async () => {
    const steps = put(80)
    const db = await placed(place, steps)
    const forwards = db.rangeSync()
    const backwards = db.rangeSync({ reverse: true })
    const [first, last] = [forwards.next().value, backwards.next().value]
    for (let i = 0; i < 80; i += 2) db.deleteSync(key(i))
    for (let i = 1; i < 80; i += 2) db.putSync(key(i), 'changed')
    db.flushSync()
    db.putSync('zzz', 'new')
    expect([first, ...forwards]).toEqual(left(steps))
    expect([last, ...backwards]).toEqual(left(steps).toReversed())
    await db.close()
  })
})

test('of many overlapping tables, more than 255 runs, the newest wins in get and in range', async () => {
  const db = await placed('in the memtable', [])
  for (let round = 0; round < 300; round++) {
    db.putSync('same', `round ${round}`)
    db.putSync(key(round), 'own')
    db.flushSync()
  }
  expect(db.stats().keyspaces[0]?.tables).toBe(300)
  expect(db.getSync('same')).toBe('round 299')
  expect([...db.rangeSync({ prefix: 'same' })]).toEqual([['same', 'round 299']])
  expect(db.countSync()).toBe(301)
  await db.close()
})

test('disjoint tables are one run: points and ranges across them are complete and ordered', async () => {
  const db = await placed('in the memtable', [])
  for (let part = 0; part < 10; part++) {
    for (let i = 0; i < 50; i++) db.putSync(key(part * 50 + i), `${part}`)
    db.flushSync()
  }
  expect([...db.keysSync()]).toEqual(Array.from({ length: 500 }, (_, i) => key(i)))
  expect([...db.keysSync({ reverse: true, gte: key(120), lt: key(260) })].length).toBe(140)
  for (let i = 0; i < 500; i += 37) expect(db.getSync(key(i))).toBe(String(Math.floor(i / 50)))
  await db.close()
})
