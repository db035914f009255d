import type { Machine } from './machine.ts'
import { MOVES_MAX, type Strategy } from './scene.ts'

export interface Bounds {
  /** Most switches away from a thread that could have gone on. */
  readonly preemptions?: number
  /** Leaves out schedules that differ only in the order of moves that commute (sleep sets). */
  readonly reduced?: boolean
}

/**
 * Every schedule, one after another: the choices of the one before up to the last place where another move is left, then that one, then
 * whatever comes first.
 */
export class DepthFirst implements Strategy {
  readonly #machine: Machine
  readonly #preemptions: number
  readonly #reduced: boolean
  readonly #chosen = new Uint8Array(MOVES_MAX)
  /** Moves that are still to be tried at this depth. */
  readonly #left = new Int32Array(MOVES_MAX)
  /** Moves that were tried before the one chosen. */
  readonly #tried = new Int32Array(MOVES_MAX)
  /** The thread that could have gone on, -1 if none. */
  readonly #going = new Int8Array(MOVES_MAX)
  /** Preemptions up to this depth. */
  readonly #used = new Int32Array(MOVES_MAX + 1)
  /** Moves that lead nowhere new from this depth on. */
  readonly #asleep = new Int32Array(MOVES_MAX + 1)
  #depth = 0
  /** Choices that are given. */
  #prefix = 0

  constructor(machine: Machine, { preemptions = Infinity, reduced = false }: Bounds = {}) {
    this.#machine = machine
    this.#preemptions = preemptions
    this.#reduced = reduced
  }

  choose(moves: number, last: number): number {
    const depth = this.#depth++
    if (depth < this.#prefix - 1) return this.#chosen[depth] as number
    if (depth >= this.#prefix && !this.#open(depth, moves, last)) return -1
    const move = this.#chosen[depth] as number
    const going = this.#going[depth] as number
    this.#used[depth + 1] = (this.#used[depth] as number) + (going >= 0 && move !== going ? 1 : 0)
    if (this.#reduced) this.#putToSleep(depth, move)
    return move
  }

  /** Goes to the next schedule. @returns false if there is none */
  next(): boolean {
    let depth = this.#depth - 1
    while (depth >= 0 && this.#left[depth] === 0) depth--
    this.#depth = 0
    this.#prefix = depth + 1
    if (depth < 0) return false
    this.#tried[depth] = (this.#tried[depth] as number) | (1 << (this.#chosen[depth] as number))
    this.#take(depth, lowest(this.#left[depth] as number))
    return true
  }

  /** A depth that is new: makes the first choice. @returns false if there is nothing to choose */
  #open(depth: number, moves: number, last: number): boolean {
    const going = last >= 0 && (moves & (1 << last)) !== 0 ? last : -1
    let candidates = moves
    if (going >= 0 && (this.#used[depth] as number) >= this.#preemptions) candidates = 1 << going
    if (this.#reduced && depth > 0) candidates &= ~(this.#asleep[depth] as number)
    this.#going[depth] = going
    this.#left[depth] = candidates
    this.#tried[depth] = 0
    if (candidates === 0) return false
    this.#prefix = depth + 1
    this.#take(depth, going >= 0 && (candidates & (1 << going)) !== 0 ? going : lowest(candidates))
    return true
  }

  #take(depth: number, move: number): void {
    this.#chosen[depth] = move
    this.#left[depth] = (this.#left[depth] as number) & ~(1 << move)
  }

  /** What was tried here, or slept before, and commutes with the move need not be tried behind it. */
  #putToSleep(depth: number, move: number): void {
    const idle = (depth === 0 ? 0 : (this.#asleep[depth] as number)) | (this.#tried[depth] as number)
    let asleep = 0
    for (let rest = idle; rest !== 0; rest &= rest - 1) {
      const other = lowest(rest)
      if (this.#machine.commute(other, move)) asleep |= 1 << other
    }
    this.#asleep[depth + 1] = asleep
  }
}

export function lowest(moves: number): number {
  return 31 - Math.clz32(moves & -moves)
}
