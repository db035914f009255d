import { loadU32, storeU32 } from '../memory/bytes'
import { MERGE_HEAP, MERGE_HEAP_COUNT, MERGE_REVERSE, MERGE_RUNNER_UP } from './merge-page'
import { compareSources } from './merge-order'

/**
 * A binary heap of source pointers: at the top the source whose entry comes next. The place of the second best source is kept, so a
 * top that moved and still comes next costs one comparison, and of two sources nothing but a swap is left.
 */

/** The source whose entry comes next. INVARIANT: the heap is not empty. */
// @ts-ignore: decorator
@inline
export function heapTop(page: u32): u32 {
  return loadU32(page + MERGE_HEAP)
}

/** Adds a source that stands at an entry. */
export function heapPush(page: u32, source: u32): void {
  const heap = page + MERGE_HEAP
  const reverse = loadU32(page + MERGE_REVERSE) != 0
  let at = loadU32(page + MERGE_HEAP_COUNT)
  storeU32(page + MERGE_HEAP_COUNT, at + 1)
  storeU32(page + MERGE_RUNNER_UP, 0)
  while (at > 0) {
    const parent = (at - 1) >>> 1
    const other = loadU32(heap + (parent << 2))
    if (!comesFirst(source, other, reverse)) break
    storeU32(heap + (at << 2), other)
    at = parent
  }
  storeU32(heap + (at << 2), source)
}

/** Takes the top out. */
export function heapPop(page: u32): void {
  const count = loadU32(page + MERGE_HEAP_COUNT) - 1
  storeU32(page + MERGE_HEAP_COUNT, count)
  storeU32(page + MERGE_RUNNER_UP, 0)
  if (count > 0) {
    const last = loadU32(page + MERGE_HEAP + (count << 2))
    sink(page, last, 0, count, loadU32(page + MERGE_REVERSE) != 0)
  }
}

/** Restores the order after the top has moved to its next entry. */
// @ts-ignore: decorator
@inline
export function heapSettle(page: u32, reverse: bool): void {
  if (loadU32(page + MERGE_HEAP_COUNT) > 1) settle(page, reverse)
}

// @ts-ignore: decorator
@inline
function settle(page: u32, reverse: bool): void {
  const heap = page + MERGE_HEAP
  const count = loadU32(page + MERGE_HEAP_COUNT)
  let runnerUp = loadU32(page + MERGE_RUNNER_UP)
  if (runnerUp == 0) {
    runnerUp = count > 2 && comesFirst(loadU32(heap + 8), loadU32(heap + 4), reverse) ? 2 : 1
    storeU32(page + MERGE_RUNNER_UP, runnerUp)
  }
  const top = loadU32(heap)
  const second = loadU32(heap + (runnerUp << 2))
  if (comesFirst(top, second, reverse)) return
  storeU32(heap, second)
  storeU32(page + MERGE_RUNNER_UP, 0)
  sink(page, top, runnerUp, count, reverse)
}

/** Puts a source where it belongs in the heap below the hole at `at`. */
// @ts-ignore: decorator
@inline
function sink(page: u32, source: u32, at: u32, count: u32, reverse: bool): void {
  const heap = page + MERGE_HEAP
  for (;;) {
    let child: u32 = (at << 1) + 1
    if (child >= count) break
    let best = loadU32(heap + (child << 2))
    if (child + 1 < count) {
      const right = loadU32(heap + (child << 2) + 4)
      if (comesFirst(right, best, reverse)) {
        child++
        best = right
      }
    }
    if (comesFirst(source, best, reverse)) break
    storeU32(heap + (at << 2), best)
    at = child
  }
  storeU32(heap + (at << 2), source)
}

// @ts-ignore: decorator
@inline
function comesFirst(a: u32, b: u32, reverse: bool): bool {
  const order = compareSources(a, b)
  return reverse ? order > 0 : order < 0
}
