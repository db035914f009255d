import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CONTROL_FREE_PAGES,
  CONTROL_FRESH_PAGE,
  CONTROL_NEXT_SEQNO,
  CONTROL_PAGE_COUNT,
  CONTROL_SEED,
  CONTROL_VISIBLE_SEQNO,
  PAGE_BYTES,
  SLOTS,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_INPUT,
  SLOT_MERGE,
} from '../../assembly/memory/layout.ts'
import { internalsModule } from './internals.ts'
import { bareKernel, type BareKernel } from './support.ts'
import { runThreads } from './threads.ts'

const free = (k: BareKernel): number => k.u32[CONTROL_FREE_PAGES / 4] as number

describe('initialise and attachSlot', () => {
  test('control block of a fresh memory', () => {
    const k = bareKernel(16)
    expect(k.u32[CONTROL_PAGE_COUNT / 4]).toBe(16)
    expect(k.view.getBigUint64(CONTROL_SEED, true)).toBe(0x7f4a7c159e3779b9n)
    expect(k.view.getBigUint64(CONTROL_NEXT_SEQNO, true)).toBe(1n)
    expect(k.view.getBigUint64(CONTROL_VISIBLE_SEQNO, true)).toBe(1n)
    // Page 0, and the input and merge page of slot 0.
    expect(free(k)).toBe(13)
    expect(k.u32[CONTROL_FRESH_PAGE / 4]).toBe(3)
  })

  test('a slot has two pages of its own and keeps them', () => {
    const k = bareKernel(16)
    expect(k.slot).toBe(SLOTS)
    const second = k.x.attachSlot(1) >>> 0
    expect(second).toBe(SLOTS + SLOT_BYTES)
    const pages = [k.slot, second].flatMap((slot) => [
      k.u32[(slot + SLOT_INPUT) / 4],
      k.u32[(slot + SLOT_MERGE) / 4],
    ])
    expect(new Set(pages).size).toBe(4)
    expect(pages.every((page) => page !== 0 && (page as number) % PAGE_BYTES === 0)).toBe(true)
    expect(k.x.attachSlot(1) >>> 0).toBe(second)
    expect(free(k)).toBe(11)
  })

  test('without pages a slot gets nothing and keeps nothing', () => {
    const k = bareKernel(4)
    expect(free(k)).toBe(1)
    expect(k.x.attachSlot(1)).toBe(0)
    expect(free(k)).toBe(1)
    expect(k.x.attachSlot(SLOT_COUNT)).toBe(0)
    expect(k.x.attachSlot(-1)).toBe(0)
  })
})

describe('pages', () => {
  test('every page but page 0 is given out once, then 0', () => {
    const k = bareKernel(64)
    const seen = new Set<number>()
    for (let page = k.x.allocatePage() >>> 0; page !== 0; page = k.x.allocatePage() >>> 0) {
      expect(page % PAGE_BYTES).toBe(0)
      expect(page + PAGE_BYTES).toBeLessThanOrEqual(k.u8.length)
      seen.add(page)
    }
    expect(seen.size).toBe(61)
    expect(free(k)).toBe(0)
    for (const page of seen) k.x.freePage(page)
    expect(free(k)).toBe(61)
  })

  test('last in, first out', () => {
    const k = bareKernel(16)
    const a = k.x.allocatePage() >>> 0
    const b = k.x.allocatePage() >>> 0
    k.x.freePage(a)
    k.x.freePage(b)
    expect(k.x.allocatePage() >>> 0).toBe(b)
    expect(k.x.allocatePage() >>> 0).toBe(a)
  })

  test('a memory of almost 4 GiB: the last page lies below the end, pointers do not wrap', () => {
    const k = bareKernel(32767)
    const memoryPages = free(k)
    let last = 0
    let count = 0
    for (let page = k.x.allocatePage() >>> 0; page !== 0; page = k.x.allocatePage() >>> 0) {
      last = page
      count++
    }
    expect(count).toBe(memoryPages)
    expect(last).toBe(32766 * PAGE_BYTES)
  })

  test('any sequence of allocating and freeing: pages are disjoint and counted', () => {
    const k = bareKernel(24)
    const total = free(k)
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 200 }), (steps) => {
        const held: number[] = []
        for (const step of steps) {
          if (step === undefined || held.length === 0) {
            const page = k.x.allocatePage() >>> 0
            expect(page === 0).toBe(held.length === total)
            if (page !== 0) {
              expect(held).not.toContain(page)
              k.u8.fill(held.length, page, page + PAGE_BYTES)
              held.push(page)
            }
          } else {
            k.x.freePage(held.splice(step % held.length, 1)[0] as number)
          }
          expect(free(k)).toBe(total - held.length)
        }
        for (const page of held) k.x.freePage(page)
      }),
      { numRuns: 30 },
    )
  })

  test('three threads at once: no page has two owners, none is lost', { timeout: 60_000 }, async () => {
    const k = bareKernel(40)
    const total = free(k)
    const results = await runThreads(
      await internalsModule(),
      k.memory,
      3,
      /* js */ `
        const u32 = new Uint32Array(memory.buffer)
        const held = []
        let conflicts = 0, failures = 0
        for (let i = 0; i < 30000; i++) {
          if (held.length < 12 && (i * 7919 + thread * 31) % 5 < 3) {
            const page = x.allocatePage() >>> 0
            if (page === 0) { failures++; continue }
            const at = (page + 4096) >>> 2
            u32[at] = thread + 1
            held.push(page)
          } else if (held.length > 0) {
            const page = held.splice((i * 31) % held.length, 1)[0]
            if (u32[(page + 4096) >>> 2] !== thread + 1) conflicts++
            x.freePage(page)
          }
        }
        for (const page of held) {
          if (u32[(page + 4096) >>> 2] !== thread + 1) conflicts++
          x.freePage(page)
        }
        result = { conflicts, failures }
      `,
    )
    expect(results).toEqual(results.map(() => ({ conflicts: 0, failures: 0 })))
    expect(free(k)).toBe(total)
    const seen = new Set<number>()
    for (let page = k.x.allocatePage() >>> 0; page !== 0; page = k.x.allocatePage() >>> 0) seen.add(page)
    expect(seen.size).toBe(total)
  })
})
