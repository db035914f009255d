import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/api/database.ts'
import type { KeyEncoding, OpenOptions, ValueEncoding } from '../../src/api/types.ts'
import { VarveError } from '../../src/errors.ts'
import { openOn } from '../../src/api/open.ts'
import { warm } from '../../src/remote/warm.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { openPair as openPairOn, type Pair } from './pair.ts'

const opener =
  (sharesMemory: boolean) =>
  <KE extends KeyEncoding = 'utf8', VE extends ValueEncoding = 'utf8'>(
    options?: OpenOptions<KE, VE>,
  ): Promise<Pair & { page: Database<KE, VE> }> =>
    openPairOn(options, memoryFileSystem(), sharesMemory)

async function codeOf(step: () => unknown): Promise<string> {
  try {
    await step()
  } catch (error) {
    return error instanceof VarveError ? error.code : `${(error as Error).name}: ${(error as Error).message}`
  }
  return 'nothing was thrown'
}

describe.each([false, true])('a database on a page, shared memory: %s', (sharesMemory) => {
  const openPair = opener(sharesMemory)

  it('writes, reads, and reads as of a snapshot', async () => {
    const { page: db } = await openPair()
    await db.put('a', '1')
    await db.batch().put('b', '2').put('c', '3').delete('a').commit()
    const snapshot = db.snapshot()
    await db.put('b', 'newer')
    await db.write([{ type: 'put', key: 'd', value: '4' }])
    expect(await db.getMany(['a', 'b', 'c', 'd'])).toEqual([undefined, 'newer', '3', '4'])
    expect(await db.getMany(['b', 'd'], { snapshot })).toEqual(['2', undefined])
    expect(await snapshot.range().toArray()).toEqual([
      ['b', '2'],
      ['c', '3'],
    ])
    expect(await db.keys({ gt: 'b', reverse: true }).toArray()).toEqual(['d', 'c'])
    expect(await db.values({ prefix: 'b' }).toArray()).toEqual(['newer'])
    expect([await db.first(), await db.last({ lt: 'd' })]).toEqual([
      ['b', 'newer'],
      ['c', '3'],
    ])
    expect([await db.has('a'), await db.has('b'), await db.sizeOf('b')]).toEqual([false, true, 5])
    expect([await db.count(), await db.isEmpty(), await db.isEmpty({ gt: 'd' })]).toEqual([3, false, true])
    snapshot.close()
    expect(snapshot.closed).toBe(true)
    expect(await codeOf(() => db.get('b', { snapshot }))).toBe('CLOSED')
    await db.close()
    expect(await codeOf(() => db.get('b'))).toBe('CLOSED')
    expect(await codeOf(() => db.put('b', 'x'))).toBe('CLOSED')
  })

  it('has keyspaces, and every encoding', async () => {
    const { page: db } = await openPair({ valueEncoding: 'json' })
    const upper = {
      encode: (text: string) => new TextEncoder().encode(text.toUpperCase()),
      decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes).toLowerCase(),
    }
    const users = await db.keyspace('users', { keyEncoding: 'utf8', valueEncoding: upper })
    await users.put('u', 'name')
    await db.put(Uint8Array.of(1), { deep: [1, null] })
    expect(await users.get('u')).toBe('name')
    expect(await db.get(Uint8Array.of(1))).toEqual({ deep: [1, null] })
    expect(await db.withEncodings({ valueEncoding: 'utf8' }).get(Uint8Array.of(1))).toBe('{"deep":[1,null]}')
    expect(await users.withEncodings({}).range().toArray()).toEqual([
      [new TextEncoder().encode('u'), new TextEncoder().encode('NAME')],
    ])
    expect(db.keyspaces()).toEqual(['users'])
    expect(await codeOf(() => db.keyspace('users', { valueEncoding: 'json' }))).toMatch(/^TypeError/)
    expect(() => users.withEncodings({ valueEncoding: 'json' })).toThrow(TypeError)
    await db.batch().put(users, 'v', 'second').put(Uint8Array.of(2), 2).commit()
    expect(await users.count()).toBe(2)
    await db.dropKeyspace('users')
    expect(await codeOf(() => users.get('u'))).toBe('NOT_FOUND')
    await db.close()
  })

  it('keeps bytes that the caller changes afterwards', async () => {
    const { page: db } = await openPair<'bytes', 'bytes'>({})
    const key = Uint8Array.of(1)
    const value = new Uint8Array(100_000).fill(7)
    const written = db.put(key, value)
    key[0] = 9
    value.fill(8)
    await written
    const found = (await db.get(Uint8Array.of(1))) as Uint8Array
    expect(found.byteLength).toBe(100_000)
    expect(found.every((byte) => byte === 7)).toBe(true)
    await db.close()
  })

  it('refuses wrong arguments at once, and what it cannot do with a sentence', async () => {
    const { page: db } = await openPair()
    expect(() => db.put(1 as never, 'x')).toThrow('key must be a string or a Uint8Array, not a number')
    expect(() => db.put('x'.repeat(70_000), 'x')).toThrow(RangeError)
    expect(() => db.put('k', new Uint8Array(4 << 20))).toThrow(RangeError)
    expect(() => db.put('k', 'v', { durability: 'never' as never })).toThrow(TypeError)
    expect(() => db.range({ limt: 1 } as never)).toThrow("the range has no option 'limt'")
    expect(() => db.batch().put('k', undefined as never)).toThrow(TypeError)
    expect(() => db.on('nothing' as never, () => {})).toThrow(TypeError)
    expect(await codeOf(() => db.get(1 as never))).toMatch(/^TypeError/)
    expect(await codeOf(() => db.keyspace('a\0'))).toMatch(/^TypeError/)
    expect(await codeOf(() => db.dropKeyspace('missing'))).toBe('NOT_FOUND')
    expect(() => db.putSync('k', 'v')).toThrow('A page has no putSync()')
    expect(() => db.range({ slices: true })).toThrow(VarveError)
    expect(await codeOf(() => db.share())).toBe('NOT_SUPPORTED')
    await db.close()
  })

  it('puts the calls of a turn into one message, and their answers too', async () => {
    const { page: db, calls, answers } = await openPair()
    await Promise.all(Array.from({ length: 100 }, (_, i) => db.put(`k${i}`, `${i}`)))
    const before = calls.length
    const answersBefore = answers.length
    const found = await Promise.all(Array.from({ length: 100 }, (_, i) => db.get(`k${i}`)))
    expect(found).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
    expect(calls.length - before).toBe(1)
    expect(answers.length - answersBefore).toBe(1)
    await db.close()
  })

  it('has the un-awaited writes of a turn before what comes after them', async () => {
    const { page: db } = await openPair()
    void db.put('a', '1')
    const snapshot = db.snapshot()
    void db.put('a', '2')
    const batch = db.batch().put('a', '3').commit()
    void db.put('b', '1')
    await batch
    expect(await snapshot.get('a')).toBe('1')
    expect(await db.get('a')).toBe('3')
    expect(db.put('x', '1')).toBe(db.put('y', '2'))
    await db.close()
  })

  it('keeps the order of un-awaited writes whatever they ask for', async () => {
    const { page: db } = await openPair()
    const other = await db.keyspace('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    void db.put('k', '1')
    void db.put('k', '2', { durability: 'sync' })
    void other.put('k', 'elsewhere')
    await db.put('k', '3')
    expect(await db.get('k')).toBe('3')
    await db.close()
  })

  it('tells a keyspace from another one of its name', async () => {
    const { page: db, leave, succeed } = await openPair()
    const encodings = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const
    const before = await db.keyspace('k', encodings)
    await db.dropKeyspace('k')
    const after = await db.keyspace('k', encodings)
    await after.put('a', '1')
    expect(await after.get('a')).toBe('1')
    expect(await codeOf(() => before.get('a'))).toBe('NOT_FOUND')
    await leave()
    await succeed()
    expect(await after.get('a')).toBe('1')
    expect(await codeOf(() => before.get('a'))).toBe('NOT_FOUND')
    const writes = [codeOf(() => before.put('b', '2')), codeOf(() => after.put('b', '2'))]
    expect(await Promise.all(writes)).toEqual(['NOT_FOUND', 'nothing was thrown'])
    await db.close()
  })

  it('answers what was called for before it closes, and refuses what comes after', async () => {
    const { page: db } = await openPair()
    const write = db.put('a', '1')
    const count = codeOf(() => db.count())
    const range = db.range()
    const closing = db.close()
    expect(await codeOf(() => db.get('a'))).toBe('CLOSED')
    await closing
    await write
    expect(await count).toMatch(/nothing was thrown|ABORTED|CLOSED/)
    expect(await codeOf(() => range.toArray())).toMatch(/nothing was thrown|CLOSED/)
  })

  it('sends no more than a window of unanswered calls, and refuses beyond maxPendingBytes', async () => {
    const { page: db, calls, hold, letGo } = await openPair({ maxPendingBytes: 24 << 20 })
    hold()
    const value = new Uint8Array(1 << 20)
    const writes: Promise<void>[] = []
    for (let i = 0; i < 20; i++) {
      writes.push(db.put(Uint8Array.of(i), value))
      await Promise.resolve()
      await Promise.resolve()
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    const sent = calls.reduce((sum, [, made]) => sum + made.length, 0)
    expect(sent).toBeLessThan(12)
    expect(
      await codeOf(() => Promise.all(Array.from({ length: 9 }, (_, i) => db.put(Uint8Array.of(i), value)))),
    ).toBe('WRITE_STALLED')
    letGo()
    await Promise.all(writes)
    expect(await db.count()).toBe(20)
    await db.close()
  })

  it('reads ranges in pieces, of one moment, and gives back what it leaves', async () => {
    const { page: db, served } = await openPair()
    const entries = Array.from({ length: 5000 }, (_, i) => [
      `key ${String(i).padStart(5, '0')}`,
      `value ${i}`,
    ])
    const batch = db.batch()
    for (const [key, value] of entries) batch.put(key as string, value as string)
    await batch.commit()
    const range = db.range()
    const first = await range.next()
    await db.clear()
    const rest = await range.toArray()
    expect([first.value, ...rest]).toEqual(entries)
    expect(await db.count()).toBe(0)
    await db.put('a', '1')
    await db.put('b', '2')
    for await (const [key] of db.range()) {
      expect(key).toBe('a')
      break
    }
    const together = db.range()
    expect(await Promise.all([together.next(), together.next(), together.next()])).toEqual([
      { done: false, value: ['a', '1'] },
      { done: false, value: ['b', '2'] },
      { done: true, value: undefined },
    ])
    await db.get('a')
    expect(served.stats().openIterators).toBe(0)
    await db.close()
  })

  it('ends with its signal', async () => {
    const { page: db } = await openPair()
    await db.put('a', '1')
    const controller = new AbortController()
    const range = db.range({ signal: controller.signal })
    const counting = db.count({ signal: controller.signal })
    controller.abort(new Error('enough'))
    expect(await codeOf(() => counting)).toBe('ABORTED')
    expect(await codeOf(() => range.next())).toBe('ABORTED')
    expect(await codeOf(() => db.compact({ signal: controller.signal }))).toBe('ABORTED')
    expect(await db.get('a')).toBe('1')
    await db.close()
  })

  it('tells what happens, how far it is, and how it stands', async () => {
    const { page: db } = await openPair()
    const flushed: object[] = []
    db.on('flush', (event) => flushed.push(event))
    let progress = 0
    await db.put('a', '1')
    await db.flush()
    await db.put('b', '2')
    await db.compact({ onProgress: () => progress++ })
    expect(flushed.length).toBeGreaterThan(0)
    expect(progress).toBeGreaterThan(0)
    expect(db.stats().keyspaces[0]?.name).toBe('')
    expect(await db.verify()).toMatchObject({ problems: [] })
    expect(db.recovery).toMatchObject({})
    await db.persist()
    await db.close()
    await db.close()
  })
})

describe.each([false, true])('when who serves goes, shared memory: %s', (sharesMemory) => {
  const openPair = opener(sharesMemory)

  it('with a word: everything goes on with the next one', async () => {
    const { page: db, leave, succeed } = await openPair()
    const users = await db.keyspace('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await db.put('a', '1')
    const writes = [users.put('u', '1')]
    await Promise.resolve()
    const leaving = leave()
    writes.push(db.put('b', '2'))
    const read = db.get('a')
    await leaving
    writes.push(db.put('c', '3'))
    await succeed()
    await Promise.all(writes)
    expect(await read).toBe('1')
    expect(await db.keys().toArray()).toEqual(['a', 'b', 'c'])
    expect(await users.get('u')).toBe('1')
    await db.close()
  })

  it('without one: reads are asked again, writes that may have been done say so', async () => {
    const { page: db, die, succeed, hold, letGo } = await openPair()
    await db.put('a', '1')
    const snapshot = db.snapshot()
    const range = db.range()
    await range.next()
    await db.get('a')
    hold()
    const write = codeOf(() => db.put('b', '2'))
    const read = db.get('a')
    await new Promise((resolve) => setTimeout(resolve, 5))
    die()
    const later = db.put('c', '3')
    letGo()
    await succeed()
    expect(await write).toBe('ABORTED')
    expect(await read).toBe('1')
    await later
    expect(await db.get('c')).toBe('3')
    expect(await codeOf(() => snapshot.get('a'))).toBe('ABORTED')
    await db.close()
  })

  it('without one: who asks that everything be kept is told what was lost', async () => {
    const {
      page: db,
      die,
      succeed,
    } = await openPair({
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
      durability: 'buffered',
    })
    await db.put('a', '1')
    await db.persist()
    await db.put('b', '2')
    die()
    await succeed()
    expect(await codeOf(() => db.persist())).toBe('ABORTED')
    expect(await codeOf(() => db.persist())).toBe('nothing was thrown')
    await db.put('c', '3', { durability: 'os' })
    die()
    await succeed()
    expect(await codeOf(() => db.persist())).toBe('nothing was thrown')
    await db.close()
  })

  it('without one: a snapshot is not taken again at another moment', async () => {
    const { page: db, die, succeed, hold, letGo } = await openPair()
    await db.put('k', 'old')
    hold()
    const snapshot = db.snapshot()
    const write = codeOf(() => db.put('k', 'new'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    die()
    letGo()
    await succeed()
    expect(await write).toBe('ABORTED')
    expect(await codeOf(() => snapshot.get('k'))).toBe('ABORTED')
    await db.close()
  })

  it('in the middle of a range: it does not end as if it were whole', async () => {
    const { page: db, die, succeed } = await openPair()
    const batch = db.batch()
    for (let i = 0; i < 5000; i++) batch.put(`${i}`, 'x'.repeat(50))
    await batch.commit()
    const range = db.range()
    await range.next()
    die()
    await succeed()
    expect(await codeOf(() => range.toArray())).toBe('ABORTED')
    await db.close()
  })
})

it('a worker that waits can warm itself up, as long as it waits', async () => {
  const files = memoryFileSystem()
  await (await openOn(files)).close()
  const before = [...(await files.list())].sort()
  await warm(files, 16 << 20, new AbortController().signal)
  const over = new AbortController()
  const ended = warm(files, undefined, over.signal)
  over.abort()
  await ended
  expect([...(await files.list())].sort()).toEqual(before)
})
