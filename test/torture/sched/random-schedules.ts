import { pick } from '../../support/random.ts'
import { lowest } from './depth-first.ts'
import { TIMEOUT, type Strategy } from './scene.ts'

const MOVES = 2 * TIMEOUT

/**
 * Probabilistic concurrency testing (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010):
 * the possible move of the highest priority is next, and at `depth` - 1 places chosen before, the one that is next falls below all
 * others. A bug that takes d orderings is found with a probability of at least 1 / (n · k^(d - 1)) in each schedule of n threads and k moves.
 */
export class RandomPriorities implements Strategy {
  readonly #random: () => number
  readonly #depth: number
  readonly #priorities = new Int32Array(MOVES)
  #changes: number[] = []
  #moves = 0

  constructor(random: () => number, depth = 3) {
    this.#random = random
    this.#depth = depth
  }

  /** Before each schedule. `length`: about how many moves it has. */
  begin(length: number): void {
    this.#moves = 0
    const order = Array.from({ length: MOVES }, (_, move) => move)
    for (let left = MOVES; left > 0; left--) {
      const [move] = order.splice(pick(this.#random, left), 1)
      this.#priorities[move as number] = left
    }
    this.#changes = Array.from({ length: this.#depth - 1 }, () => pick(this.#random, length))
  }

  choose(moves: number): number {
    const at = this.#moves++
    for (const [i, change] of this.#changes.entries()) {
      if (change === at) this.#priorities[this.#highest(moves)] = -i
    }
    return this.#highest(moves)
  }

  #highest(moves: number): number {
    let best = lowest(moves)
    for (let rest = moves; rest !== 0; rest &= rest - 1) {
      const move = lowest(rest)
      if ((this.#priorities[move] as number) > (this.#priorities[best] as number)) best = move
    }
    return best
  }
}

/** Moves that are given; those that are not possible when it is their turn are left out. Then whoever can goes on. */
export class GivenMoves implements Strategy {
  readonly #given: readonly number[]
  #at = 0

  constructor(given: readonly number[]) {
    this.#given = given
  }

  choose(moves: number, last: number): number {
    while (this.#at < this.#given.length) {
      const move = this.#given[this.#at++] as number
      if ((moves & (1 << move)) !== 0) return move
    }
    return last >= 0 && (moves & (1 << last)) !== 0 ? last : lowest(moves)
  }
}
