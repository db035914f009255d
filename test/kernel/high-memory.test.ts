/** What is allocated at the very end of the largest memory: no sum of an address and a length may go round past 2^32. */
import { beforeAll, describe, expect, test } from 'vitest'
import {
  CHAIN_CAPACITY,
  CHAIN_DATA,
  CONTROL_FREE_PAGES,
  CONTROL_FRESH_PAGE,
  PAGE_BYTES,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import { encode, put } from './entries.ts'
import { bareInternals, type BareInternals } from './internals.ts'

/** 4 GiB − 128 KiB: as many as `memoryLimit` can ask for. */
const PAGES = 32_767

let k: BareInternals
beforeAll(async () => {
  k = await bareInternals(PAGES)
}, 120_000)

const free = (): number => k.u32[CONTROL_FREE_PAGES / 4] as number

/** Only the last `count` pages are left. */
function leave(count: number): void {
  k.u32[CONTROL_FRESH_PAGE / 4] = PAGES - count
  k.u32[CONTROL_FREE_PAGES / 4] = count
}

describe('the last pages of 4 GiB', () => {
  test('memtables fill them to the last byte, and no further', () => {
    leave(4)
    // Large structures of the tests lie low.
    const area = 64 * PAGE_BYTES
    const memtable = k.x.createMemtable() >>> 0
    expect(memtable).toBeGreaterThan((PAGES - 4) * PAGE_BYTES)
    let inserted = 0
    for (let seqno = 1; ; seqno++) {
      const encoded = encode([put(`key ${seqno}`.padEnd(900, '.'), 'v'.repeat(2000))])
      k.u8.set(encoded, area)
      k.x.setGroup(k.slot, seqno, 1)
      if (k.x.applyEntries(k.slot, memtable, area, area + encoded.length, 1, 0) !== STATUS_OK) break
      inserted = seqno
    }
    expect(inserted).toBeGreaterThan(60)
    expect(free()).toBe(0)
    let seen = 0
    for (let node = k.x.cursorFirst(memtable) >>> 0; node !== 0; node = k.x.cursorNext(node) >>> 0) {
      expect(k.x.nodeValueLength(node)).toBe(2000)
      const value = k.x.nodeValue(node) >>> 0
      expect(k.u8.subarray(value, value + 2000).every((byte) => byte === 0x76)).toBe(true)
      seen++
    }
    expect(seen).toBe(inserted)
    k.x.freeMemtable(memtable)
    expect(free()).toBe(4)
  })

  test('a page chain lies in them', () => {
    const chain = k.x.allocateChain(4 * CHAIN_CAPACITY) >>> 0
    expect(chain).toBeGreaterThan((PAGES - 5) * PAGE_BYTES)
    k.u8.fill(1, chain + CHAIN_DATA, chain + CHAIN_DATA + CHAIN_CAPACITY)
    k.x.freeChain(chain)
    expect(free()).toBe(4)
  })

  test('lengths that go round are refused where they are given', () => {
    const page = k.x.allocatePage() >>> 0
    expect(k.x.allocateChain(-1)).toBe(0)
    expect(k.x.allocateChain(4 * CHAIN_CAPACITY)).toBe(0)
    // An arena whose cursor stands near the end of the last page.
    const last = (PAGES - 1) * PAGE_BYTES
    const [cursor, total] = [page, page + 4]
    k.u32[cursor / 4] = last + PAGE_BYTES - 16
    k.u32[total / 4] = 0
    expect(k.x.arenaAllocate(cursor, total, 64) >>> 0).not.toBe(last + PAGE_BYTES - 16)
    expect(k.u32[total / 4]).toBe(PAGE_BYTES)
  })

  test('a block at the end of memory is read to its last byte', () => {
    const memoryEnd = k.u8.length
    const compressed = Uint8Array.of(0x1f, 0x61, 1, 0, 255, 255, 20, 0x50, 1, 2, 3, 4, 5)
    const rawLength = 1 + 4 + 15 + 255 + 255 + 20 + 5
    k.u8.set(compressed, memoryEnd - compressed.length)
    const target = 32 * PAGE_BYTES
    expect(k.x.lz4Decompress(memoryEnd - compressed.length, compressed.length, target, rawLength)).toBe(1)
    k.u8.copyWithin(target + PAGE_BYTES, target, target + rawLength)
    // The same with its output at the end.
    k.u8.set(compressed, target)
    const out = memoryEnd - rawLength
    expect(k.x.lz4Decompress(target, compressed.length, out, rawLength)).toBe(1)
    expect(k.u8.subarray(out)).toEqual(k.u8.slice(target + PAGE_BYTES, target + PAGE_BYTES + rawLength))
  })
})
