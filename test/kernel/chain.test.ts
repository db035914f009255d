import { describe, expect, test } from 'vitest'
import {
  CHAIN_CAPACITY,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CHAIN_SIBLING,
  CONTROL_FREE_PAGES,
} from '../../assembly/memory/layout.ts'
import { bareKernel, type BareKernel } from './support.ts'

const free = (k: BareKernel): number => k.u32[CONTROL_FREE_PAGES / 4] as number

/** Data lengths of the pages of a chain. */
function lengths(k: BareKernel, chain: number): number[] {
  const found: number[] = []
  for (let page = chain; page !== 0; page = k.u32[(page + CHAIN_NEXT) / 4] as number) {
    found.push(k.u32[(page + CHAIN_LENGTH) / 4] as number)
    expect(k.u32[(page + CHAIN_SIBLING) / 4]).toBe(0)
    expect(k.u32[(page + CHAIN_SIBLING + 4) / 4]).toBe(0)
  }
  return found
}

describe('page chains', () => {
  test.each([
    [0, [0]],
    [1, [1]],
    [32768, [32768]],
    [CHAIN_CAPACITY - 1, [CHAIN_CAPACITY - 1]],
    [CHAIN_CAPACITY, [CHAIN_CAPACITY]],
    [CHAIN_CAPACITY + 1, [CHAIN_CAPACITY, 1]],
    [3 * CHAIN_CAPACITY, [CHAIN_CAPACITY, CHAIN_CAPACITY, CHAIN_CAPACITY]],
    [3 * CHAIN_CAPACITY + 5, [CHAIN_CAPACITY, CHAIN_CAPACITY, CHAIN_CAPACITY, 5]],
  ])('%i bytes', (length, expected) => {
    const k = bareKernel(16)
    const before = free(k)
    for (let round = 0; round < 2; round++) {
      const chain = k.x.allocateChain(length) >>> 0
      expect(lengths(k, chain)).toEqual(expected)
      expect(free(k)).toBe(before - expected.length)
      k.x.freeChain(chain)
      expect(free(k)).toBe(before)
    }
  })

  test('too long: 0, and nothing is kept', () => {
    const k = bareKernel(16)
    const before = free(k)
    expect(k.x.allocateChain(before * CHAIN_CAPACITY + 1)).toBe(0)
    expect(k.x.allocateChain(0xffffffff)).toBe(0)
    expect(free(k)).toBe(before)
    const chain = k.x.allocateChain(before * CHAIN_CAPACITY) >>> 0
    expect(lengths(k, chain)).toHaveLength(before)
    expect(free(k)).toBe(0)
    expect(k.x.allocateChain(1)).toBe(0)
    k.x.freeChain(chain)
    expect(free(k)).toBe(before)
    k.x.freeChain(0)
    expect(free(k)).toBe(before)
  })
})
