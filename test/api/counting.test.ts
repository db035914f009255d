import { describe, expect, it, vi } from 'vitest'
import type { Encoding } from '../../src/api/types.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { engineOf, freePages } from '../integration/regressions/support.ts'
import { expectCode, openBytes, openText } from './support.ts'

const LENGTHS = [0, 1, 4096, 32_767, 32_768, 131_008, 131_009, 500_000, 1_048_576]

describe('sizeOf', () => {
  it('is the length as stored, in memtables and in tables', async () => {
    const db = await openBytes()
    for (const length of LENGTHS) db.putSync(`k${length}`, new Uint8Array(length))
    for (const place of ['memtable', 'table']) {
      for (const length of LENGTHS) expect(db.sizeOfSync(`k${length}`), place).toBe(length)
      expect(await db.sizeOf('k4096')).toBe(4096)
      expect(await db.sizeOf('none')).toBeUndefined()
      db.flushSync()
    }
    const before = db.snapshot()
    db.deleteSync('k1')
    db.putSync('k0', 'grown')
    expect(db.sizeOfSync('k1')).toBeUndefined()
    expect(db.sizeOfSync('k0')).toBe(5)
    expect(db.sizeOfSync('k1', { snapshot: before })).toBe(1)
    expect(before.sizeOfSync('k0')).toBe(0)
    expect(db.at(before).sizeOfSync('k0')).toBe(0)
    before.close()
    await db.close()
    await expectCode('CLOSED', () => db.sizeOf('k0'))
  })

  it('does not decode, and counts bytes, not characters', async () => {
    const refuse: Encoding<string> = {
      encode: (value) => new TextEncoder().encode(value),
      decode: () => {
        throw new Error('decoded')
      },
    }
    const db = await openBytes({ keyEncoding: 'utf8', valueEncoding: refuse })
    db.putSync('ä', 'Ω≠')
    expect(db.sizeOfSync('ä')).toBe(5)
    await expect(db.sizeOf(1 as unknown as string)).rejects.toThrow(TypeError)
    expect(() => db.sizeOfSync('ä', { nonsense: 1 } as object)).toThrow(TypeError)
  })

  it('reads no extents', async () => {
    const files = new FaultyFileSystem()
    const db = await openBytes({}, files)
    db.putSync('large', new Uint8Array(1_000_000))
    db.flushSync()
    expect(db.hasSync('large')).toBe(true)
    files.onOperation = () => ({ error: 'EIO' })
    expect(db.sizeOfSync('large')).toBe(1_000_000)
    await expectCode('IO', () => db.getSync('large'))
  })
})

describe('count and isEmpty', () => {
  it('agree with the keys of a range', async () => {
    const db = await openText()
    expect(db.isEmptySync()).toBe(true)
    expect(await db.count()).toBe(0)
    for (let i = 0; i < 3000; i++) db.putSync(`k${String(i).padStart(4, '0')}`, 'v'.repeat(i % 50))
    db.flushSync()
    for (let i = 0; i < 3000; i += 3) db.deleteSync(`k${String(i).padStart(4, '0')}`)
    db.countSync()
    const pages = freePages(db)
    for (const range of [
      {},
      { gte: 'k1', lt: 'k2' },
      { gt: 'k0001', lte: 'k0002', reverse: true },
      { prefix: 'k29' },
      { limit: 7 },
      { limit: 0 },
      { gt: 'x' },
    ]) {
      const keys = [...db.keysSync(range)].length
      expect(db.countSync(range)).toBe(keys)
      expect(await db.count(range)).toBe(keys)
      expect(db.isEmptySync(range)).toBe(keys === 0)
      expect(await db.isEmpty(range)).toBe(keys === 0)
    }
    expect(db.countSync()).toBe(2000)
    expect(freePages(db)).toBe(pages)
    expect(db.stats().openReads).toBe(0)
  })

  it('see the moment of the call, while others write between the slices', async () => {
    const db = await openText()
    for (let i = 0; i < 20_000; i++) db.putSync(`k${i}`, '')
    let turns = 0
    const write = (): void => {
      db.putSync(`x${++turns}`, '')
      timer = setImmediate(write)
    }
    let timer = setImmediate(write)
    let now = Date.now()
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => (now += 5))
    const counted = await db.count()
    clock.mockRestore()
    clearImmediate(timer)
    expect(counted).toBe(20_000)
    expect(turns).toBeGreaterThan(1)
    const snapshot = db.snapshot()
    db.deleteSync('k1')
    expect(await snapshot.count()).toBe(20_000 + turns)
    expect(await db.count({ snapshot })).toBe(20_000 + turns)
    snapshot.close()
    await expectCode('CLOSED', () => snapshot.count())
  })

  it('end with the signal, the keyspace and the database', async () => {
    const db = await openText()
    const other = await db.keyspace('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let i = 0; i < 1000; i++) other.putSync(`k${i}`, '')
    await expectCode('ABORTED', () => other.count({ signal: AbortSignal.abort() }))
    expect(() => db.countSync(5 as unknown as object)).toThrow(TypeError)
    await expect(db.count({ limit: 1.5 })).rejects.toThrow(RangeError)
    await expect(db.isEmpty({ nonsense: 1 } as object)).rejects.toThrow(TypeError)
    db.dropKeyspaceSync('other')
    await expectCode('NOT_FOUND', () => other.count())
    expect(engineOf(db).thread.openRanges).toBe(0)
    await db.close()
    await expectCode('CLOSED', () => db.count())
    await expectCode('CLOSED', () => db.isEmptySync())
  })
})
