import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CONTROL_FREE_PAGES, CONTROL_FREE_RECORDS, PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { internalsModule } from './internals.ts'
import { bareKernel, type BareKernel } from './support.ts'
import { runThreads } from './threads.ts'

const RECORD_BYTES = 64
const perPage = PAGE_BYTES / RECORD_BYTES
const free = (k: BareKernel): number => k.u32[CONTROL_FREE_PAGES / 4] as number
const isZero = (k: BareKernel, record: number): boolean =>
  k.u8.subarray(record, record + RECORD_BYTES).every((byte) => byte === 0)

describe('records', () => {
  test('zeroed, aligned, disjoint; a page gives 2,048 of them', () => {
    const k = bareKernel(8)
    const before = free(k)
    const seen = new Set<number>()
    for (let i = 0; i < perPage; i++) {
      const record = k.x.allocateRecord(64) >>> 0
      expect(record % RECORD_BYTES).toBe(0)
      expect(isZero(k, record)).toBe(true)
      k.u8.fill(0xff, record, record + RECORD_BYTES)
      seen.add(record)
    }
    expect(seen.size).toBe(perPage)
    expect(free(k)).toBe(before - 1)
    expect(k.u32[CONTROL_FREE_RECORDS / 4]).toBe(0)
    k.x.allocateRecord(64)
    expect(free(k)).toBe(before - 2)
  })

  test('0 when a page is needed and there is none; freed ones serve again', () => {
    const k = bareKernel(4)
    expect(free(k)).toBe(1)
    const records = Array.from({ length: perPage }, () => k.x.allocateRecord(64) >>> 0)
    expect(k.x.allocateRecord(64)).toBe(0)
    expect(k.x.allocateRecord(64)).toBe(0)
    const one = records[77] as number
    k.u8.fill(0xff, one, one + RECORD_BYTES)
    k.x.freeRecord(one, 64)
    expect(k.x.allocateRecord(64) >>> 0).toBe(one)
    expect(isZero(k, one)).toBe(true)
    for (const record of records) k.x.freeRecord(record, 64)
    // The page stays with the records.
    expect(free(k)).toBe(0)
    expect(new Set(Array.from({ length: perPage }, () => k.x.allocateRecord(64) >>> 0)).size).toBe(perPage)
    expect(k.x.allocateRecord(64)).toBe(0)
  })

  test('any sequence of allocating and freeing', () => {
    const k = bareKernel(8)
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 100 }), (steps) => {
        const held: number[] = []
        for (const step of steps) {
          if (step === undefined || held.length === 0) {
            const record = k.x.allocateRecord(64) >>> 0
            expect(held).not.toContain(record)
            expect(isZero(k, record)).toBe(true)
            k.u8.fill(held.length + 1, record, record + RECORD_BYTES)
            held.push(record)
          } else {
            k.x.freeRecord(held.splice(step % held.length, 1)[0] as number, 64)
          }
        }
        for (const record of held) k.x.freeRecord(record, 64)
      }),
      { numRuns: 50 },
    )
  })

  // Short cycles that put the same head back while another thread is between its look and its exchange (ABA).
  test('three threads at once: no record has two owners', { timeout: 120_000 }, async () => {
    const k = bareKernel(8)
    // NOTE: threads that find the list empty at once cut a page each; here there always are records.
    k.x.freeRecord(k.x.allocateRecord(64), 64)
    const results = await runThreads<number>(
      await internalsModule(),
      k.memory,
      3,
      /* js */ `
        const u32 = new Uint32Array(memory.buffer)
        const mark = (record) => { if (Atomics.exchange(u32, (record + 32) >>> 2, thread + 1) !== 0) result++ }
        const release = (record) => {
          if (Atomics.exchange(u32, (record + 32) >>> 2, 0) !== thread + 1) result++
          x.freeRecord(record, 64)
        }
        result = 0
        for (let i = 0; i < 400000; i++) {
          const a = x.allocateRecord(64) >>> 0
          mark(a)
          const b = x.allocateRecord(64) >>> 0
          mark(b)
          release(a)
          const c = x.allocateRecord(64) >>> 0
          mark(c)
          release(c)
          release(b)
        }
      `,
    )
    expect(results).toEqual([0, 0, 0])
    // One page was enough, and all its records are free.
    expect(free(k)).toBe(8 - 3 - 1)
    expect(new Set(Array.from({ length: perPage }, () => k.x.allocateRecord(64) >>> 0)).size).toBe(perPage)
    expect(free(k)).toBe(8 - 3 - 1)
  })
})
