import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { expectCode, openText, type TextDatabase } from './support.ts'

describe('writes', () => {
  let db: TextDatabase
  beforeEach(async () => {
    db = await openText()
  })
  afterEach(() => db.close())

  it('finds the first put in a fresh database by get and by a snapshot taken right after, not by one taken before', async () => {
    const before = db.snapshot()
    await db.put('k', 'v')
    const after = db.snapshot()
    expect(await db.get('k')).toBe('v')
    expect(await after.get('k')).toBe('v')
    expect(await before.get('k')).toBeUndefined()
    expect([...before.rangeSync()]).toEqual([])
    before.close()
    after.close()
  })

  it('returns the same promise for un-awaited puts of one turn, and another in the next', async () => {
    const first = db.put('a', '1')
    const second = db.put('b', '2')
    expect(second).toBe(first)
    await first
    const third = db.put('c', '3')
    expect(third).not.toBe(first)
    await third
    expect(db.getSync('b')).toBe('2')
  })

  it('does not commit what is staged by a read', async () => {
    const staged = db.put('a', '1')
    expect(db.getSync('a')).toBeUndefined()
    expect(await db.get('a')).toBeUndefined()
    await staged
    expect(db.getSync('a')).toBe('1')
  })

  it('commits what is staged before a synchronous write, in program order', () => {
    void db.put('a', 'staged')
    db.putSync('a', 'sync')
    expect(db.getSync('a')).toBe('sync')
    void db.put('b', 'staged')
    db.batch().put('b', 'batch').commitSync()
    expect(db.getSync('b')).toBe('batch')
    void db.delete('b')
    const snapshot = db.snapshot()
    expect(snapshot.getSync('b')).toBeUndefined()
    snapshot.close()
  })

  it('keeps the order of staged writes of different durability', async () => {
    const writes = [
      db.put('k', '1', { durability: 'buffered' }),
      db.put('k', '2', { durability: 'sync' }),
      db.put('k', '3'),
      db.batch().put('k', '4').commit(),
      db.put('k', '5', { durability: 'buffered' }),
    ]
    await Promise.all(writes)
    expect(db.getSync('k')).toBe('5')
  })

  it('commits a group by itself when it is large, without waiting for the turn to end', () => {
    const value = 'x'.repeat(10_000)
    for (let i = 0; i < 30; i++) void db.put(`k${i}`, value)
    expect(db.getSync('k0')).toBe(value)
    db.persistSync('os')
    expect(db.getSync('k29')).toBe(value)
  })

  it('throws argument errors of put at once and stages nothing', async () => {
    // @ts-expect-error a number is no key
    expect(() => db.put(1, 'v')).toThrow(TypeError)
    // @ts-expect-error a number is no value
    expect(() => db.put('k', 1)).toThrow(TypeError)
    expect(() => db.put('k'.repeat(70_000), 'v')).toThrow(RangeError)
    await db.put('a', '1')
    expect([...db.keysSync()]).toEqual(['a'])
  })

  it('is atomic across keyspaces and keeps the order of operations on one key', async () => {
    const users = await db.keyspace('users', { keyEncoding: 'utf8', valueEncoding: 'json' })
    await db.batch().put('a', '1').put(users, 'x', { id: 7 }).delete('a').put('b', '2').commit()
    expect(db.getSync('a')).toBeUndefined()
    expect(db.getSync('b')).toBe('2')
    expect(users.getSync('x')).toEqual({ id: 7 })
    await db.write([
      { type: 'put', keyspace: users, key: 'y', value: [1] },
      { type: 'delete', key: 'b' },
      { type: 'put', key: 'c', value: '3' },
    ])
    expect(users.getSync('y')).toEqual([1])
    expect(db.getSync('b')).toBeUndefined()
    expect(db.getSync('c')).toBe('3')
  })

  it('leaves a batch as it was when an operation is refused, and uses it once', async () => {
    const batch = db.batch().put('a', '1')
    // @ts-expect-error no value
    expect(() => batch.put('b')).toThrow(TypeError)
    expect(() => batch.put('k'.repeat(70_000), 'v')).toThrow(RangeError)
    expect(batch.length).toBe(1)
    expect(batch.sizeBytes).toBeGreaterThan(0)
    await batch.commit()
    expect([...db.keysSync()]).toEqual(['a'])
    expect(() => batch.put('b', '2')).toThrow(TypeError)
    expect(() => batch.commitSync()).toThrow(TypeError)
    const cleared = db.batch().put('z', '1').clear()
    expect(cleared.length).toBe(0)
    await cleared.commit()
    expect(db.hasSync('z')).toBe(false)
  })

  it('checks all operations of write() before any of them counts', () => {
    expect(() =>
      db.writeSync([
        { type: 'put', key: 'a', value: '1' },
        // @ts-expect-error an unknown type
        { type: 'merge', key: 'b', value: '2' },
      ]),
    ).toThrow(TypeError)
    // @ts-expect-error not an array
    expect(() => db.writeSync({ type: 'put', key: 'a', value: '1' })).toThrow(TypeError)
    expect(db.hasSync('a')).toBe(false)
  })

  it('takes values of every length around the inline limit and beyond, in memory and in tables', async () => {
    const lengths = [0, 1, 100, 32_767, 32_768, 32_769, 131_007, 131_008, 131_009, 1_048_576]
    for (const length of lengths) db.putSync(`k${length}`, 'v'.repeat(length))
    for (let pass = 0; pass < 2; pass++) {
      for (const length of lengths) expect(db.getSync(`k${length}`)?.length).toBe(length)
      expect([...db.rangeSync()].map(([, value]) => value.length).sort((a, b) => a - b)).toEqual(lengths)
      expect(
        [...db.rangeSync({ reverse: true })].map(([, value]) => value.length).sort((a, b) => a - b),
      ).toEqual(lengths)
      await db.flush()
    }
  })

  it('hands out the very bytes of values of every short length, wherever they lie', async () => {
    const bytes = await db.keyspace('lengths')
    const valueOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7 + length)
    const keyOf = (length: number): Uint8Array => new Uint8Array(1 + (length % 9)).fill(length >> 1)
    const all = Array.from({ length: 300 }, (_, length) => length)
    for (const length of all) bytes.putSync(keyOf(length), valueOf(length))
    for (let pass = 0; pass < 2; pass++) {
      for (const length of all) expect(bytes.getSync(keyOf(length))).toEqual(valueOf(length))
      await bytes.flush()
    }
  })

  it('copies inputs: what the caller does with its buffers afterwards does not matter', async () => {
    const bytes = await db.keyspace('bytes')
    const key = new Uint8Array([1, 2, 3])
    const value = new Uint8Array([4, 5, 6])
    const done = bytes.put(key, value)
    key.fill(9)
    value.fill(9)
    await done
    expect([...bytes.rangeSync()]).toEqual([[new Uint8Array([1, 2, 3]), new Uint8Array([4, 5, 6])]])
  })

  it('says CLOSED to every call after close, and loses nothing that was staged', async () => {
    const fileSystem = memoryFileSystem()
    const other = await openText(fileSystem)
    const staged = other.put('k', 'v')
    const snapshot = other.snapshot()
    const range = other.range()
    await other.close()
    await staged
    await other.close()
    await expectCode('CLOSED', () => other.put('k', 'v'))
    await expectCode('CLOSED', () => other.putSync('k', 'v'))
    await expectCode('CLOSED', () => other.get('k'))
    await expectCode('CLOSED', () => other.getSync('k'))
    await expectCode('CLOSED', () => other.batch())
    await expectCode('CLOSED', () => other.snapshot())
    await expectCode('CLOSED', () => other.flush())
    await expectCode('CLOSED', () => other.persist())
    await expectCode('CLOSED', () => other.keyspace('x'))
    await expectCode('CLOSED', () => other.stats())
    await expectCode('CLOSED', () => snapshot.get('k'))
    await expectCode('CLOSED', () => range.next())
    snapshot.close()
    const again = await openText(fileSystem)
    expect(again.getSync('k')).toBe('v')
    await again.close()
  })
})
