import { describe, expect, expectTypeOf, it } from 'vitest'
import type { SyncRange } from '../../src/api/range.ts'
import { Slice } from '../../src/api/slice.ts'
import type { Encoding } from '../../src/api/types.ts'
import { expectCode, openBytes, openText, type TextDatabase } from './support.ts'

const large = 'L'.repeat(40_000)

async function filled(): Promise<TextDatabase> {
  const db = await openText()
  db.putSync('a', 'eins')
  db.putSync('b', '')
  db.putSync('c', large)
  db.putSync('dä', 'Ω')
  return db
}

const entries = [
  ['a', 'eins'],
  ['b', ''],
  ['c', large],
  ['dä', 'Ω'],
]

/** What every use of a slice does once it is stale. */
async function expectStale(slice: Slice | undefined): Promise<void> {
  expect(slice).toBeInstanceOf(Slice)
  for (const use of [
    () => slice?.bytes,
    () => slice?.length,
    () => slice?.copy(),
    () => slice?.toString(),
    () => String(slice),
  ])
    await expectCode('STALE_SLICE', use)
  slice?.release()
}

describe('getSlice', () => {
  it('shows the value, from memtables and from tables, small and large', async () => {
    const db = await filled()
    for (const place of ['memtable', 'table']) {
      for (const [key, value] of entries) {
        const slice = db.getSlice(key as string)
        const bytes = new TextEncoder().encode(value)
        expect(slice?.length, place).toBe(bytes.byteLength)
        expect(slice?.toString()).toBe(value)
        expect(Buffer.from(slice?.bytes as Uint8Array).equals(bytes)).toBe(true)
        expect(slice?.copy()).toEqual(bytes)
      }
      expect(db.getSlice('none')).toBeUndefined()
      db.flushSync()
    }
    expect(() => db.getSlice(1 as unknown as string)).toThrow(TypeError)
  })

  it('does not copy: small values lie in the memory of the database', async () => {
    const db = await filled()
    const slice = db.getSlice('a')
    expect(slice?.bytes.buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(slice?.bytes).toBe(slice?.bytes)
    expect(slice?.copy().buffer).toBeInstanceOf(ArrayBuffer)
    expect(slice?.copy()).not.toBe(slice?.copy())
  })

  it('reads at snapshots', async () => {
    const db = await filled()
    const snapshot = db.snapshot()
    db.putSync('a', 'zwei')
    expect(String(snapshot.getSlice('a'))).toBe('eins')
    expect(String(db.getSlice('a', { snapshot }))).toBe('eins')
    expect(String(db.at(snapshot).getSlice('a'))).toBe('eins')
    expect(String(db.getSlice('a'))).toBe('zwei')
  })

  const calls: Record<string, (db: TextDatabase) => unknown> = {
    'a read': (db) => db.getSync('b'),
    'a read of nothing': (db) => db.hasSync('none'),
    'another slice': (db) => db.getSlice('b'),
    'a step of a range': (db) => db.rangeSync().next(),
    'a write': (db) => db.putSync('x', 'y'),
    'an asynchronous write': (db) => db.put('x', 'y'),
    'a flush': (db) => db.flushSync(),
    'a snapshot': (db) => db.snapshot(),
    'an empty count': (db) => db.countSync({ prefix: 'none' }),
    'the end of the database': (db) => db.close(),
  }
  for (const [name, call] of Object.entries(calls)) {
    it(`is ended by ${name}`, async () => {
      for (const key of ['a', 'c']) {
        const db = await filled()
        const slice = db.getSlice(key)
        const pending = call(db)
        await expectStale(slice)
        await pending
        await expectStale(slice)
      }
    })
  }

  it('is ended by release(), and by a flush in the background', async () => {
    const db = await filled()
    const released = db.getSlice('a')
    released?.release()
    await expectStale(released)
    const flushed = db.flush()
    await new Promise((resolve) => setImmediate(resolve))
    const held = db.getSlice('a')
    await flushed
    await expectStale(held)
  })
})

describe('ranges of slices', () => {
  it('show entries, keys and values, synchronously and not, in both directions', async () => {
    const db = await filled()
    for (let round = 0; round < 2; round++) {
      for (const reverse of [false, true]) {
        const expected = reverse ? entries.toReversed() : entries
        const options = { slices: true, reverse } as const
        let seen: unknown[] = []
        for (const [key, value] of db.rangeSync(options)) seen.push([String(key), String(value)])
        expect(seen).toEqual(expected)
        seen = []
        for await (const [key, value] of db.range(options)) seen.push([key.toString(), value.toString()])
        expect(seen).toEqual(expected)
        seen = []
        for (const key of db.keysSync(options)) seen.push(key.toString())
        for await (const key of db.keys(options)) seen.push(key.toString())
        expect(seen).toEqual([...expected, ...expected].map(([key]) => key))
        seen = []
        for (const value of db.valuesSync(options)) seen.push([value.length, value.toString()])
        expect(seen).toEqual(expected.map(([, value]) => [Buffer.byteLength(value as string), value]))
        seen = []
        for await (const value of db.values(options)) seen.push(new TextDecoder().decode(value.copy()))
        expect(seen).toEqual(expected.map(([, value]) => value))
      }
      db.flushSync()
    }
  })

  it('end their slices with the step, the end and return()', async () => {
    const db = await filled()
    const range = db.rangeSync({ slices: true })
    const [key, value] = range.next().value as [Slice, Slice]
    expect(String(key)).toBe('a')
    // Other calls do not end them.
    db.putSync('x', 'y')
    db.flushSync()
    expect([...db.keysSync()].length).toBe(5)
    expect([String(key), String(value)]).toEqual(['a', 'eins'])
    const [next] = range.next().value as [Slice, Slice]
    await expectStale(key)
    await expectStale(value)
    expect(String(next)).toBe('b')
    range.return()
    await expectStale(next)

    const all = [...db.rangeSync({ slices: true })]
    expect(all.length).toBe(5)
    for (const [each, other] of all) {
      await expectStale(each)
      await expectStale(other)
    }
    const open = db.valuesSync({ slices: true, gte: 'c' }).next().value
    await db.close()
    await expectStale(open)
  })

  it('use a few objects again, however long the iteration', async () => {
    const db = await openText()
    for (let i = 0; i < 5000; i++) db.putSync(`k${i}`, 'v')
    const slices = new Set<Slice>()
    for (const [key, value] of db.rangeSync({ slices: true })) slices.add(key).add(value)
    expect(slices.size).toBe(4)
  })

  it('release one slice and go on', async () => {
    const db = await filled()
    const range = db.rangeSync({ slices: true })
    const [key, value] = range.next().value as [Slice, Slice]
    key.release()
    await expectStale(key)
    expect(String(value)).toBe('eins')
    expect(String((range.next().value as [Slice, Slice])[0])).toBe('b')
    expect(String((range.next().value as [Slice, Slice])[0])).toBe('c')
  })

  it('do not decode, and have types of their own', async () => {
    const encoding: Encoding<number> = {
      encode: (value) => new Uint8Array([value]),
      decode: () => {
        throw new Error('decoded')
      },
    }
    const db = await openBytes({ keyEncoding: encoding, valueEncoding: encoding })
    db.putSync(1, 2)
    db.putSync(3, 4)
    for (const [key, value] of db.rangeSync({ gt: 1, slices: true })) {
      expectTypeOf(key).toEqualTypeOf<Slice>()
      expectTypeOf(value).toEqualTypeOf<Slice>()
      expect([key.bytes[0], value.bytes[0]]).toEqual([3, 4])
    }
    expectTypeOf(db.keysSync({ slices: true }).next().value).toEqualTypeOf<Slice | undefined>()
    expectTypeOf(db.keysSync({ slices: false })).toEqualTypeOf<SyncRange<number>>()
    expect(() => db.rangeSync({ slices: 1 } as unknown as { slices: true })).toThrow(TypeError)
    expect(() => db.firstSync({ slices: true } as object)).toThrow(TypeError)
    expect(() => db.countSync({ slices: true } as object)).toThrow(TypeError)
  })
})
