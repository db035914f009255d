import type { Keeper } from '../engine/keeper.ts'
import { nextTurn } from '../next-turn.ts'
import { VarveError } from '../errors.ts'
import { assertStillOpen } from './open-file.ts'

/** Longest stretch of checking between two turns of the event loop. */
const SLICE_MS = 8

/** Takes the steps of checks, with turns of the event loop between them. */
export class Slices {
  readonly #keeper: Keeper
  readonly #signal: AbortSignal | undefined
  #end: number = performance.now() + SLICE_MS

  constructor(keeper: Keeper, signal: AbortSignal | undefined) {
    this.#keeper = keeper
    this.#signal = signal
  }

  /** Until the check ends or, after a turn, `isOver`. @throws ABORTED, CLOSED, and what the check throws */
  async run(steps: Generator<void>, isOver: () => boolean = never): Promise<void> {
    try {
      this.#assertWanted()
      while (steps.next().done !== true) {
        if (performance.now() < this.#end) continue
        await nextTurn()
        this.#end = performance.now() + SLICE_MS
        assertStillOpen(this.#keeper)
        this.#assertWanted()
        if (isOver()) return
      }
    } finally {
      // NOTE: a closed database took its pages back already.
      if (!this.#keeper.closed) steps.return(undefined)
    }
  }

  /** @throws ABORTED */
  #assertWanted(): void {
    if (this.#signal?.aborted !== true) return
    throw new VarveError('ABORTED', 'The verification was aborted by its signal.', {
      cause: this.#signal.reason,
    })
  }
}

function never(): boolean {
  return false
}
