import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  BLOCK_DATA,
  BLOCK_MAX_CACHED_PAYLOAD,
  CACHE_PAGES,
  CACHE_SHARDS,
  CACHE_SHARD_COUNT,
  CONTROL_CACHE,
  CONTROL_FREE_PAGES,
  SHARD_BLOCKS,
  SHARD_BYTES,
  SHARD_EVICTIONS,
  SHARD_RETURNS,
  SLOT_CACHE_HITS,
  SLOT_CACHE_MISSES,
  TABLE_BYTES,
  TABLE_ORDINAL,
} from '../../assembly/memory/layout.ts'
import { bareInternals, internalsModule, type BareInternals } from './internals.ts'
import { runThreads } from './threads.ts'

beforeAll(async () => {
  await internalsModule()
})

/** A cache over memory of its own, and blocks whose content tells which they are. */
class Cache {
  readonly k: BareInternals
  readonly table: number
  readonly page: number
  readonly pagesBefore: number

  constructor(k: BareInternals, limitPages: number, floorPages: number) {
    this.k = k
    this.table = k.x.allocatePage() >>> 0
    k.u8.fill(0, this.table, this.table + TABLE_BYTES)
    this.page = k.x.allocatePage() >>> 0
    expect(k.x.cacheCreate(limitPages, floorPages)).toBe(1)
    this.select(1)
    this.pagesBefore = this.freePages()
  }

  freePages(): number {
    return this.k.u32[CONTROL_FREE_PAGES / 4] as number
  }

  pages(): number {
    return this.k.u32[(CONTROL_CACHE + CACHE_PAGES) / 4] as number
  }

  /** Sum of a word over all shards. */
  sum(word: number): number {
    const count = this.k.u32[(CONTROL_CACHE + CACHE_SHARD_COUNT) / 4] as number
    let sum = 0
    for (let i = 0; i < count; i++) {
      sum += this.k.u32[(CONTROL_CACHE + CACHE_SHARDS + i * SHARD_BYTES + word) / 4] as number
    }
    return sum
  }

  counter(offset: number): number {
    return Number(this.k.view.getBigUint64(this.k.slot + offset + 8 * BLOCK_DATA, true))
  }

  /** Names the table that the next calls are about. */
  select(ordinal: number): void {
    this.k.u32[(this.table + TABLE_ORDINAL) / 4] = ordinal
  }

  static length(block: number): number {
    const large = [40_000, 100_000, BLOCK_MAX_CACHED_PAYLOAD][block % 97]
    return large ?? 1 + ((block * 2_654_435_761) >>> 19)
  }

  static byte(block: number): number {
    return ((block * 40_503) >>> 3) & 255
  }

  find(block: number, touch = true): number {
    return this.k.x.cacheFind(this.k.slot, this.table, BigInt(block) << 13n, BLOCK_DATA, touch ? 1 : 0) >>> 0
  }

  insert(block: number): number {
    const length = Cache.length(block)
    this.k.u8.fill(Cache.byte(block), this.page, this.page + length)
    return this.k.x.cacheInsert(this.table, BigInt(block) << 13n, BLOCK_DATA, this.page, length) >>> 0
  }

  expectContent(frame: number, block: number): void {
    const { x, u8 } = this.k
    const payload = x.framePayload(frame) >>> 0
    const length = x.frameLength(frame)
    expect(length).toBe(Cache.length(block))
    expect(u8.subarray(payload, payload + length).every((byte) => byte === Cache.byte(block))).toBe(true)
  }

  /** Reads a block as a point read does: finds it, or loads it and fetches it. @returns whether it was there */
  read(block: number, touch = true): boolean {
    let frame = this.find(block, touch)
    const found = frame !== 0
    if (!found) {
      const inserted = this.insert(block)
      if (inserted === 0) throw new Error('no page')
      this.k.x.frameUnpin(inserted)
      frame = this.find(block, touch)
    }
    this.k.x.frameUnpin(frame)
    return found
  }
}

describe('block cache', { timeout: 60_000 }, () => {
  test('any sequence of reads, pins and shrinks: right bytes, pages within the limit, all back in the end', async () => {
    const step = fc.record({
      kind: fc.constantFrom('read', 'read', 'read', 'read', 'pin', 'unpin', 'shrink'),
      block: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1500 })),
      ordinal: fc.constantFrom(1, 2, 2 ** 32 - 1),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 400, size: 'max' }),
        fc.constantFrom(2, 5, 40),
        async (steps, limitPages) => {
          const cache = new Cache(await bareInternals(128), limitPages, 0)
          const { x } = cache.k
          let most = 0
          const held: { frame: number; block: number; ordinal: number }[] = []
          for (const { kind, block: drawn, ordinal } of steps) {
            const block = drawn + 2000 * (ordinal % 7)
            cache.select(ordinal)
            if (kind === 'read') cache.read(block)
            else if (kind === 'pin' && held.length < 20) {
              const frame = cache.find(block) || cache.insert(block)
              if (frame !== 0) held.push({ frame, block, ordinal })
            } else if (kind === 'unpin') {
              const last = held.pop()
              if (last !== undefined) x.frameUnpin(last.frame)
            } else if (kind === 'shrink') x.cacheShrink(drawn % 8)
            for (const pinned of held) cache.expectContent(pinned.frame, pinned.block)
            most = Math.max(most, held.length)
            expect(cache.pages()).toBeLessThanOrEqual(limitPages + most + 1)
            expect(cache.freePages()).toBe(cache.pagesBefore - cache.pages())
          }
          for (const { frame } of held) x.frameUnpin(frame)
          // With nothing pinned it comes back to its limit.
          for (let block = 0; block < 200; block++) cache.read(5000 + block)
          expect(cache.pages()).toBeLessThanOrEqual(limitPages)
          x.cacheShrink(1000)
          expect([cache.pages(), cache.sum(SHARD_BLOCKS), cache.freePages()]).toEqual([
            0,
            0,
            cache.pagesBefore,
          ])
        },
      ),
      { numRuns: 60 },
    )
  })

  test('what is in the cache is found with its own bytes, and nothing else is', async () => {
    const cache = new Cache(await bareInternals(400), 200, 0)
    for (let block = 0; block < 2000; block++) cache.read(block)
    let found = 0
    for (let block = 0; block < 2000; block++) {
      const frame = cache.find(block)
      if (frame === 0) continue
      found++
      cache.expectContent(frame, block)
      cache.k.x.frameUnpin(frame)
    }
    expect(found).toBe(cache.sum(SHARD_BLOCKS))
    expect(found + cache.sum(SHARD_EVICTIONS)).toBe(2000)
    expect(found).toBeGreaterThan(500)
    cache.select(9)
    expect(cache.find(1)).toBe(0)
  })

  test('a scan leaves what is read often where it is', async () => {
    const cache = new Cache(await bareInternals(400), 128, 64)
    const hot = Array.from({ length: 600 }, (_, i) => i)
    for (let round = 0; round < 4; round++) for (const block of hot) cache.read(block)
    for (let block = 10_000; block < 30_000; block++) cache.read(block)
    const hits = hot.filter((block) => cache.read(block)).length
    expect(hits / hot.length).toBeGreaterThan(0.95)
  })

  test('a new working set takes the place of an old one', async () => {
    const cache = new Cache(await bareInternals(400), 128, 64)
    const read = (from: number): number => {
      let hits = 0
      for (let block = from; block < from + 900; block++) if (cache.read(block)) hits++
      return hits
    }
    for (let round = 0; round < 6; round++) read(0)
    for (let round = 0; round < 12; round++) read(50_000)
    expect(read(50_000)).toBeGreaterThan(850)
  })

  test('a block that comes back soon goes to the main queue at once', async () => {
    const cache = new Cache(await bareInternals(400), 64, 0)
    for (let block = 0; block < 3000; block++) cache.read(block)
    expect(cache.sum(SHARD_RETURNS)).toBe(0)
    expect(cache.read(1500)).toBe(false)
    expect(cache.sum(SHARD_RETURNS)).toBe(1)
    for (let block = 10_000; block < 12_000; block++) cache.read(block)
    expect(cache.read(1500)).toBe(true)
  })

  test('a load and its fetch count as one miss, reads after that as hits', async () => {
    const cache = new Cache(await bareInternals(128), 20, 0)
    cache.read(1)
    cache.read(1)
    cache.read(1)
    expect([cache.counter(SLOT_CACHE_MISSES), cache.counter(SLOT_CACHE_HITS)]).toEqual([1, 2])
  })

  test('shrinking stops at the floor and leaves pinned blocks', async () => {
    const cache = new Cache(await bareInternals(400), 100, 32)
    for (let block = 0; block < 3000; block++) cache.read(block)
    expect(cache.pages()).toBe(100)
    const frame = cache.insert(99_991)
    expect(cache.k.x.cacheShrink(1000)).toBe(68)
    expect(cache.pages()).toBe(32)
    cache.expectContent(frame, 99_991)
  })

  test('with everything pinned it takes pages beyond its limit, and none when there are none', async () => {
    const cache = new Cache(await bareInternals(64), 4, 0)
    const frames: number[] = []
    for (let block = 1; ; block++) {
      const frame = cache.insert(97 * block + 2)
      if (frame === 0) break
      frames.push(frame)
    }
    expect(frames.length).toBeGreaterThan(20)
    expect(cache.freePages()).toBe(0)
    for (const frame of frames) cache.k.x.frameUnpin(frame)
    expect(cache.insert(1)).not.toBe(0)
  })

  test('three threads read and load at once: nobody sees bytes of another block', async () => {
    const cache = new Cache(await bareInternals(128), 24, 0)
    const tables = [1, 2, 3].map((ordinal) => {
      const table = cache.k.x.allocatePage() >>> 0
      cache.k.u8.fill(0, table, table + TABLE_BYTES)
      cache.k.u32[(table + TABLE_ORDINAL) / 4] = ordinal % 2
      return table
    })
    const results = await runThreads<number>(
      await internalsModule(),
      cache.k.memory,
      3,
      /* js */ `
        const u8 = new Uint8Array(memory.buffer)
        const table = ${JSON.stringify(tables)}[thread]
        const ordinal = [1, 0, 1][thread]
        const slot = x.attachSlot(thread + 1) >>> 0
        const page = x.allocatePage() >>> 0
        let state = 12345 + thread
        result = 0
        for (let i = 0; i < 60000; i++) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0
          const block = (state >>> 8) % ((i & 1) === 0 ? 50 : 1200)
          const length = 200 + block * 9
          const byte = (block * 7 + ordinal) & 255
          let frame = x.cacheFind(slot, table, BigInt(block) << 13n, 1, 1) >>> 0
          if (frame === 0) {
            u8.fill(byte, page, page + length)
            frame = x.cacheInsert(table, BigInt(block) << 13n, 1, page, length) >>> 0
          }
          if (frame === 0) continue
          const payload = x.framePayload(frame) >>> 0
          if (x.frameLength(frame) !== length) result++
          else if (u8[payload] !== byte || u8[payload + length - 1] !== byte || u8[payload + (length >>> 1)] !== byte) result++
          x.frameUnpin(frame)
          if (i % 5000 === 0) x.cacheShrink(3)
        }
      `,
    )
    expect(results).toEqual([0, 0, 0])
    cache.k.x.cacheShrink(1000)
    expect([cache.pages(), cache.sum(SHARD_BLOCKS)]).toEqual([0, 0])
  })
})
