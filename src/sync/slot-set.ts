import { SLOT_COUNT } from '../../assembly/memory/layout.ts'

/** A set of thread slots in shared memory: one bit for each of the 64, in two words of 32. */

/** Adds a slot. @returns false if it was in the set */
export function addSlot(words: Int32Array, offset: number, slot: number): boolean {
  const bit = 1 << (slot & 31)
  return (Atomics.or(words, wordOf(offset, slot), bit) & bit) === 0
}

/** Takes a slot out. @returns false if it was not in the set: of several that try, one is told true */
export function takeSlot(words: Int32Array, offset: number, slot: number): boolean {
  const bit = 1 << (slot & 31)
  return (Atomics.and(words, wordOf(offset, slot), ~bit) & bit) !== 0
}

export function hasSlot(words: Int32Array, offset: number, slot: number): boolean {
  return (Atomics.load(words, wordOf(offset, slot)) & (1 << (slot & 31))) !== 0
}

export function isEmptySet(words: Int32Array, offset: number): boolean {
  return Atomics.load(words, offset >>> 2) === 0 && Atomics.load(words, (offset >>> 2) + 1) === 0
}

/** The slots of the set, the first one above `after`, round to `after` itself. */
export function* slotsAfter(
  words: Int32Array,
  offset: number,
  after: number,
): Generator<number, void, undefined> {
  for (let step = 1; step <= SLOT_COUNT; step++) {
    const slot = (after + step) % SLOT_COUNT
    if (hasSlot(words, offset, slot)) yield slot
  }
}

function wordOf(offset: number, slot: number): number {
  return (offset >>> 2) + (slot >>> 5)
}
