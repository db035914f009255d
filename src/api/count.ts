import { nextTurn } from '../next-turn.ts'
import { readAsync } from '../engine/async-read.ts'
import type { RangeSpan } from '../engine/key-span.ts'
import { RangeCursor } from '../engine/range-cursor.ts'
import { VarveError } from '../errors.ts'
import type { View } from './view.ts'

/** Longest stretch of counting between two turns of the event loop. */
const SLICE_MS = 8

/** Number of entries in a span at a seqno (0: the latest); keys alone are read, and none is copied out. */
export function countSync(view: View, span: RangeSpan, seqno: number): number {
  const counting = new Counting(view, span, seqno)
  try {
    let count = 0
    for (let more = counting.step(); more > 0; more = counting.step()) count += more
    return count
  } finally {
    counting.close()
  }
}

/** The same in slices between turns, as of the moment of the call. @throws ABORTED */
export async function count(
  view: View,
  span: RangeSpan,
  seqno: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const counting = new Counting(view, span, seqno)
  try {
    let count = 0
    let sliceEnd = Date.now() + SLICE_MS
    for (;;) {
      if (signal?.aborted === true) {
        throw new VarveError('ABORTED', 'The count was aborted by its signal.', { cause: signal.reason })
      }
      const step = readAsync(view.engine.blocks, () => counting.step())
      const more = typeof step === 'number' ? step : await step
      if (more === 0) return count
      count += more
      if (Date.now() < sliceEnd) continue
      await nextTurn()
      sliceEnd = Date.now() + SLICE_MS
    }
  } finally {
    counting.close()
  }
}

class Counting {
  readonly #view: View
  readonly #cursor: RangeCursor

  constructor(view: View, span: RangeSpan, seqno: number) {
    const { engine, tree } = view
    this.#view = view
    engine.assertReadable(tree)
    this.#cursor = new RangeCursor(engine, tree, span, seqno)
  }

  /** @returns the number of entries it went over; 0 at the end. */
  step(): number {
    this.#view.engine.assertReadable(this.#view.tree)
    return this.#cursor.passChunk()
  }

  close(): void {
    this.#cursor.close()
  }
}
