import { afterEach, describe, expect, it, vi } from 'vitest'
import { expectCode, openBytes, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { codeOf, engineOf, keeperOf, within } from './support.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('with more than 2 GiB of memory', () => {
  it('a string longer than 32 characters is stored whole, and ranges reach beyond 2 GiB', async () => {
    const db = await openText(undefined, { memoryLimit: 2056 * 1_048_576 })
    db.putSync('low', 'x'.repeat(500))
    db.putSync('é'.repeat(20), 'v')
    await db.put('staged', 'y'.repeat(40))
    expect(db.getSync('low')).toBe('x'.repeat(500))
    expect(db.getSync('')).toBeUndefined()
    expect([...db.keysSync()]).toEqual(['low', 'staged', 'é'.repeat(20)])

    // What lies above 2 GiB has addresses that are negative as signed numbers.
    const { kernel } = engineOf(db)
    while (kernel.page() <= 2 ** 31);
    const high = db.keyspaceSync('high', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let i = 0; i < 5; i++) high.putSync(`a${i}`, `b${i}`.repeat(30))
    const expected = Array.from({ length: 5 }, (_, i) => [`a${i}`, `b${i}`.repeat(30)])
    for (const now of ['memtable', 'table']) {
      expect([...high.rangeSync()], now).toEqual(expected)
      expect([...high.rangeSync({ reverse: true })].reverse(), now).toEqual(expected)
      expect(high.getSync('a3'), now).toBe('b3'.repeat(30))
      expect(high.lastSync(), now).toEqual(expected[4])
      if (now === 'memtable') high.flushSync()
    }
    await db.close()
  })
})

describe('memory', () => {
  it('of 16 MiB takes a batch to 30 keyspaces; one to 60 is refused and harms nothing', async () => {
    const db = await openText()
    const spaces = Array.from({ length: 60 }, (_, i) =>
      db.keyspaceSync(`k${i}`, { keyEncoding: 'utf8', valueEncoding: 'utf8' }),
    )
    const commit = (count: number): void => {
      const batch = db.batch()
      for (const space of spaces.slice(0, count)) batch.put(space, 'a', 'b')
      batch.commitSync()
    }
    for (const count of [10, 20, 24, 30]) commit(count)
    expect(['ok', 'NO_MEMORY']).toContain(codeOf(() => commit(60)))
    for (const space of spaces) space.putSync('q', 'r')
    for (const space of spaces.slice(0, 30)) expect(space.getSync('a')).toBe('b')
  })
})

describe('maxPendingBytes', () => {
  it('bounds what asynchronous batches may have waiting', async () => {
    const db = await openBytes({ memtableSize: 65_536, maxPendingBytes: 1 << 20 })
    const commits: Promise<string>[] = []
    let most = 0
    for (let i = 0; i < 300; i++) {
      const batch = db.batch()
      for (let j = 0; j < 4; j++) batch.put(`k${i}-${j}`, new Uint8Array(25_000))
      commits.push(
        batch.commit().then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        ),
      )
      most = Math.max(most, engineOf(db).writes.pendingBytes)
    }
    expect(most).toBeLessThanOrEqual(1 << 20)
    const outcomes = await within(10_000, Promise.all(commits))
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'WRITE_STALLED']))
    const stored = [...db.keysSync()].length
    expect(stored).toBe(4 * outcomes.filter((outcome) => outcome === 'ok').length)
  })
})

describe('stallTimeout', () => {
  it('of 0 refuses a write there is no room for, and those that follow settle too', async () => {
    const db = await openBytes({ memtableSize: 1000, stallTimeout: 0 })
    const keeper = keeperOf(db)
    const tree = keeper.trees.get(0)
    if (tree === undefined) throw new Error('no default keyspace')
    for (let i = 0; i < 5; i++) {
      db.putSync(`k${i}`, new Uint8Array(2000))
      keeper.flusher.seal(tree)
    }
    db.putSync('q', new Uint8Array(2000))
    let now = Date.now()
    vi.spyOn(Date, 'now').mockImplementation(() => (now += 5))
    const first = db.batch().put('x', 'y').commit()
    vi.restoreAllMocks()
    await expectCode('WRITE_STALLED', () => within(1000, first))
    const second = db.put('x', 'y').then(
      () => 'ok',
      (error: unknown) => (error as { code: string }).code,
    )
    expect(['ok', 'WRITE_STALLED']).toContain(await within(2000, second))
    await within(5000, db.close())
  })

  it('of 0 settles every one of many batches', async () => {
    let now = Date.now()
    vi.spyOn(Date, 'now').mockImplementation(() => now++)
    const db = await openBytes({ memtableSize: 1000, stallTimeout: 0 })
    const outcomes = Array.from({ length: 10 }, (_, i) =>
      db
        .batch()
        .put(`k${i}`, new Uint8Array(2000))
        .commit()
        .then(
          () => 'ok',
          (error: unknown) => (error as { code: string }).code,
        ),
    )
    for (const outcome of await within(3000, Promise.all(outcomes))) {
      expect(['ok', 'WRITE_STALLED']).toContain(outcome)
    }
    await within(5000, db.close())
  })
})

describe('a trap inside a write', () => {
  for (const way of ['putSync', 'batch', 'put'] as const) {
    it(`poisons (${way})`, async () => {
      const disk = new FaultyFileSystem()
      const db = await openText(disk)
      db.putSync('a', 'b')
      const { kernel } = engineOf(db)
      const { exports } = kernel
      const trap = (): never => {
        throw new WebAssembly.RuntimeError('unreachable')
      }
      Object.defineProperty(kernel, 'exports', {
        value: { ...exports, applyEntries: trap },
        configurable: true,
      })
      await expectCode('POISONED', () => {
        if (way === 'putSync') return db.putSync('trap', 'x')
        if (way === 'put') return db.put('trap', 'x')
        return db.batch().put('trap', 'x').commitSync()
      })
      Object.defineProperty(kernel, 'exports', { value: exports, configurable: true })
      await expectCode('POISONED', () => db.putSync('c', 'd'))
      expect(db.getSync('trap')).toBeUndefined()
      expect(db.getSync('a')).toBe('b')
      await expectCode('POISONED', () => db.close())
      // It was journalled: the next open tells what is true.
      const again = await openText(disk)
      expect(again.getSync('trap')).toBe('x')
      expect(again.getSync('c')).toBeUndefined()
    })
  }
})

describe('a stack overflow inside a write', () => {
  for (const way of ['putSync', 'batch', 'flushSync'] as const) {
    it(`poisons or does nothing, and never half of it (${way})`, async () => {
      const disk = new FaultyFileSystem()
      const db = await openText(disk)
      db.putSync('warm', 'x')
      const acknowledged: string[] = []
      const refused: string[] = []
      let count = 0
      const write = (): void => {
        const key = `k${count++}`
        try {
          if (way === 'batch') db.batch().put(key, 'v').commitSync()
          else db.putSync(key, 'v')
        } catch (error) {
          if (!(error instanceof RangeError)) expect(error).toMatchObject({ code: 'POISONED' })
          refused.push(key)
          return
        }
        acknowledged.push(key)
        if (way === 'flushSync' && acknowledged.length % 20 === 0) db.flushSync()
      }
      // From the bottom of the stack up, a frame at a time, until the write fits; each round a little shifted.
      let fitting = 0
      const dive = (): void => {
        try {
          dive()
        } catch {
          // No stack left.
        }
        if (fitting <= 0) return
        try {
          const before = acknowledged.length
          write()
          fitting -= acknowledged.length - before
        } catch {
          // No stack left, in a flush or in the bookkeeping above.
        }
      }
      const shift = (frames: number): void => (frames > 0 ? shift(frames - 1) : dive())
      for (let round = 0; round < 20 && keeperOf(db).writable; round++) {
        fitting = 40
        shift(round)
      }
      expect(refused.length).toBeGreaterThan(0)
      expect(['ok', 'POISONED']).toContain(codeOf(() => db.putSync('after', 'v')))
      expect(acknowledged.filter((key) => db.getSync(key) === undefined)).toEqual([])

      const visible = [...db.keysSync()].length
      const writable = keeperOf(db).writable
      for (const image of [disk.clone(), disk]) {
        if (image === disk && writable) await db.close()
        if (image === disk && !writable) await expectCode('POISONED', () => db.close())
        const again = await openText(image)
        expect(acknowledged.filter((key) => again.getSync(key) === undefined)).toEqual([])
        if (writable) expect([...again.keysSync()].length).toBe(visible)
        await again.close()
      }
    })
  }
})
