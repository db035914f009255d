import { describe, expect, it } from 'vitest'
import type { Database } from '../../../src/api/database.ts'
import type { Encoding } from '../../../src/api/types.ts'
import { openOn } from '../../../src/api/open.ts'
import { openBytes, openText, SMALL_MEMORY } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { engineOf, freePages, text } from './support.ts'

describe('first() and last()', () => {
  it('give their page back', async () => {
    const db = await openText()
    db.putSync('a', '1')
    db.putSync('b', '2')
    const pages = freePages(db)
    for (let i = 0; i < 500; i++) {
      expect(db.firstSync()).toEqual(['a', '1'])
      expect(db.lastSync()).toEqual(['b', '2'])
    }
    for (let i = 0; i < 100; i++) {
      expect(await db.first({ gt: 'a' })).toEqual(['b', '2'])
      expect(await db.last({ lt: 'a' })).toBeUndefined()
    }
    expect(freePages(db)).toBe(pages)
    expect(db.stats().openReads).toBe(0)
    db.putSync('c', '3')
  })

  it('give it back also when a value cannot be decoded', async () => {
    const db = await openBytes<'utf8', Encoding<string>>({
      keyEncoding: 'utf8',
      valueEncoding: {
        encode: (value) => new TextEncoder().encode(value),
        decode: () => {
          throw new Error('not today')
        },
      },
    })
    db.putSync('a', 'b')
    const before = freePages(db)
    for (let i = 0; i < 300; i++) expect(() => db.firstSync()).toThrow('not today')
    expect(freePages(db)).toBe(before)
    expect(db.stats().openReads).toBe(0)
  })

  it('refuse what is no range, and find nothing under a limit of 0', async () => {
    const db = await openText()
    db.putSync('a', '1')
    const wrong = 5 as unknown as object
    expect(() => db.firstSync(wrong)).toThrow(TypeError)
    expect(() => db.lastSync(wrong)).toThrow(TypeError)
    await expect(db.first(wrong)).rejects.toThrow(TypeError)
    expect(db.firstSync({ limit: 0 })).toBeUndefined()
    expect(await db.last({ limit: 0 })).toBeUndefined()
    expect(db.firstSync({ limit: 7 })).toEqual(['a', '1'])
  })
})

describe('ranges', () => {
  it('that were left half-way, however many, leave writes, a flush and reads their pages', async () => {
    const db = await openText()
    for (let i = 0; i < 50; i++) db.putSync(`k${i}`, 'v'.repeat(20_000))
    const left = Array.from({ length: 1000 }, () => {
      const range = db.rangeSync()
      range.next()
      return range
    })
    expect(db.stats().openReads).toBe(1000)
    for (let i = 0; i < 50; i++) db.putSync(`k${i}`, 'w')
    db.flushSync()
    expect(db.stats().keyspaces[0]).toMatchObject({ tables: 1, memtables: 0 })
    expect(db.getSync('k3')).toBe('w')
    for (const range of left) expect(range.next().value).toEqual(['k1', 'v'.repeat(20_000)])
  })

  it('over many tables let the block cache shrink to its limit afterwards', async () => {
    const db = await openText()
    for (let i = 0; i < 500; i++) {
      db.putSync(`k${i}`, 'v')
      db.flushSync()
    }
    const limit = (SMALL_MEMORY * 3) / 4 / 131_072
    const { blocks } = engineOf(db)
    expect([...db.keysSync()].length).toBe(500)
    for (let i = 0; i < 200; i++) db.putSync(`z${i}`, 'w'.repeat(12_000))
    db.flushSync()
    for (let i = 0; i < 200; i++) db.getSync(`z${i}`)
    expect(blocks.evictablePages).toBeLessThanOrEqual(limit)
  })

  it('survive a decoder that ends them and uses the database', async () => {
    const inside: { step: (() => void) | undefined } = { step: undefined }
    const keys: Encoding<string> = {
      encode: (value) => new TextEncoder().encode(value),
      decode: (bytes) => {
        const { step } = inside
        inside.step = undefined
        step?.()
        return new TextDecoder().decode(bytes)
      },
    }
    const db: Database<Encoding<string>, 'utf8'> = await openOn(new FaultyFileSystem(), {
      memoryLimit: SMALL_MEMORY,
      keyEncoding: keys,
      valueEncoding: 'utf8',
    })
    db.putSync('A', 'other-value')
    db.putSync('b', 'right')
    const range = db.rangeSync({ gte: 'b' })
    inside.step = () => {
      range.return()
      db.putSync('zzzz', 'OVERWRITTEN'.repeat(50))
      db.rangeSync().next()
    }
    expect(range.next()).toEqual({ done: false, value: ['b', 'right'] })
  })
})

describe('encodings', () => {
  it('may use one buffer for everything they encode', async () => {
    const shared = new Uint8Array(64)
    const encoding: Encoding<string> = {
      encode: (value) => shared.subarray(0, new TextEncoder().encodeInto(value, shared).written),
      decode: (bytes) => new TextDecoder().decode(bytes),
    }
    const db = await openBytes({ keyEncoding: encoding, valueEncoding: encoding })
    db.putSync('kkkk', 'vvvv')
    db.batch().put('bbbb', 'wwww').commitSync()
    await db.put('cccc', 'xxxx')
    expect([...db.rangeSync()]).toEqual([
      ['bbbb', 'wwww'],
      ['cccc', 'xxxx'],
      ['kkkk', 'vvvv'],
    ])
    expect(db.getManySync(['kkkk', 'aaaa', 'bbbb'])).toEqual(['vvvv', undefined, 'wwww'])
    expect([...db.keysSync({ gt: 'bbbb', lt: 'kkkk' })]).toEqual(['cccc'])
  })

  it('hand out results of which none can take the others along to another thread', async () => {
    const db = await openBytes()
    db.putSync('a', 'b')
    const [one, other] = [db.getSync('a'), db.getSync('a')]
    // NOTE: newer Node versions refuse, older ones copy instead.
    try {
      structuredClone(one, { transfer: [one?.buffer as ArrayBuffer] })
    } catch (error) {
      expect(error).toMatchObject({ name: 'DataCloneError' })
    }
    expect([text(one), text(other)]).toEqual(['b', 'b'])
    expect(text(structuredClone(one))).toBe('b')
  })

  it.each([10, 1000])('hand out %d entries of which none can take the others along', async (entries) => {
    const db = await openBytes()
    for (let i = 0; i < entries; i++) db.putSync(`key ${i}`, `value ${i}`)
    const all = [...db.rangeSync({ limit: entries })]
    try {
      structuredClone(all[0]?.[0], { transfer: [all[0]?.[0].buffer as ArrayBuffer] })
    } catch (error) {
      expect(error).toMatchObject({ name: 'DataCloneError' })
    }
    expect(all.map(([key, value]) => [text(key), text(value)])).toEqual(
      Array.from({ length: entries }, (_, i) => [`key ${i}`, `value ${i}`]).sort(([a], [b]) =>
        (a as string) < (b as string) ? -1 : 1,
      ),
    )
  })
})
