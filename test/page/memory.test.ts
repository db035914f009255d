/** A page that shares the memory of who serves it: what needs no message, and what does. */
import { describe, expect, it } from 'vitest'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { openPair, type Pair } from './pair.ts'

/** A pair whose page has the memory already. */
async function openNear(): Promise<Pair> {
  const pair = await openPair(undefined, memoryFileSystem(), true)
  await near(pair)
  return pair
}

/** Reads until one needs no message. */
async function near({ page, calls }: Pair): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const before = calls.length
    await page.get('nothing')
    if (calls.length === before) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('the page never got the memory')
}

/** Messages that a step sends. */
async function messagesOf({ calls }: Pair, step: () => Promise<unknown>): Promise<number> {
  const before = calls.length
  await step()
  return calls.length - before
}

describe('a page that shares memory', () => {
  it('reads what is in memory without a message', async () => {
    const pair = await openNear()
    const { page: db } = pair
    await db.put('a', '1')
    await db.put('b', '2'.repeat(10_000))
    expect(
      await messagesOf(pair, async () => {
        expect(await db.get('a')).toBe('1')
        expect(await db.getMany(['b', 'c', 'a'])).toEqual(['2'.repeat(10_000), undefined, '1'])
        expect([await db.has('a'), await db.has('c'), await db.sizeOf('b')]).toEqual([true, false, 10_000])
        expect([await db.first(), await db.last({ lt: 'b' })]).toEqual([
          ['a', '1'],
          ['a', '1'],
        ])
        expect(await db.keys({ prefix: 'a' }).toArray()).toEqual(['a'])
      }),
    ).toBe(0)
    await db.close()
  })

  it('reads tables whose blocks are in memory, and asks for those that are not', async () => {
    const pair = await openNear()
    const { page: db } = pair
    for (let i = 0; i < 2000; i++) await db.put(`k${i}`, 'v'.repeat(100))
    await db.flush()
    expect(await messagesOf(pair, () => db.get('k1000'))).toBe(1)
    expect(await messagesOf(pair, () => db.get('k1000'))).toBe(0)
    expect(await messagesOf(pair, () => db.range({ gte: 'k7', limit: 5 }).toArray())).toBe(1)
    expect(await messagesOf(pair, () => db.range({ gte: 'k7', limit: 5 }).toArray())).toBe(0)
    await db.close()
  })

  it('sees its own writes that are not answered', async () => {
    const pair = await openNear()
    const { page: db } = pair
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    /** Reads while what was called for before has no answer. */
    const whileUnanswered = async <T>(write: () => Promise<void>, read: () => Promise<T>): Promise<T> => {
      pair.hold()
      const written = write()
      await turn()
      const found = read()
      for (let i = 0; i < 4; i++) await turn()
      pair.letGo()
      await written
      return found
    }
    for (let i = 0; i < 20; i++) {
      const put = (): Promise<void> => db.put('k', `${i}`)
      expect(await whileUnanswered(put, () => db.get('k'))).toBe(`${i}`)
      const commit = (): Promise<void> => db.batch().put('k', `batch ${i}`).commit()
      expect(await whileUnanswered(commit, () => db.range().toArray())).toEqual([['k', `batch ${i}`]])
      expect(await messagesOf(pair, () => db.get('k'))).toBe(0)
    }
    expect(
      await whileUnanswered(
        () => db.clear(),
        () => db.first(),
      ),
    ).toBeUndefined()
    await db.close()
  })

  it('sees what others write, of another session, as soon as it is there', async () => {
    const pair = await openNear()
    pair.served.putSync(new TextEncoder().encode('k'), new TextEncoder().encode('theirs'))
    expect(await messagesOf(pair, async () => expect(await pair.page.get('k')).toBe('theirs'))).toBe(0)
    await pair.page.close()
  })

  it('goes on with the memory of who serves next', async () => {
    const pair = await openNear()
    const { page: db } = pair
    for (let round = 0; round < 5; round++) {
      await db.put('k', `${round}`)
      await pair.leave()
      await pair.succeed()
      expect(await db.get('k')).toBe(`${round}`)
      await near(pair)
      expect(await db.get('k')).toBe(`${round}`)
    }
    pair.die()
    const late = db.get('k')
    await pair.succeed()
    expect(await late).toBe('4')
    await db.close()
  })

  it('reads nothing of a keyspace that was dropped, or of another one of its name', async () => {
    const pair = await openNear()
    const { page: db } = pair
    const first = await db.keyspace('one', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    await first.put('k', 'first')
    for (let i = 0; i < 5; i++) expect(await first.get('k')).toBe('first')
    pair.served.dropKeyspaceSync('one')
    await expect(first.get('k')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const second = await db.keyspace('one', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let i = 0; i < 5; i++) expect(await second.get('k')).toBeUndefined()
    await expect(first.get('k')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await db.close()
  })

  it('reads a moment, however much is written, flushed and compacted beside it', async () => {
    const pair = await openNear()
    const { page: db, served } = pair
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
    for (let round = 0; round < 60; round++) {
      const batch = served.batch()
      for (let i = 0; i < 40; i++) batch.put(bytes(`k${i}`), bytes(`${round}`))
      batch.commitSync()
      if (round % 7 === 3) await db.flush()
      if (round % 13 === 5) await db.compact()
      expect(new Set(await db.values().toArray())).toEqual(new Set([`${round}`]))
      expect(await db.get('k7')).toBe(`${round}`)
    }
    await db.close()
  })

  it('after it was closed says so', async () => {
    const pair = await openNear()
    await pair.page.close()
    await expect(pair.page.get('k')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
