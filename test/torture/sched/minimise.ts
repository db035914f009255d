import { GivenMoves } from './random-schedules.ts'
import type { Machine } from './machine.ts'
import type { Fault } from './scene.ts'
import { Violation } from './violation.ts'

/** Runs it takes at most. */
const TRIES_MAX = 1000

export interface Failure {
  readonly moves: readonly number[]
  readonly message: string
}

/** What a machine does on given moves, if it violates something. */
export function failure(machine: Machine, moves: readonly number[], fault?: Fault): Failure | undefined {
  try {
    machine.run(new GivenMoves(moves), fault)
    return undefined
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    return { moves: [...machine.moves.subarray(0, machine.length)], message: error.message }
  }
}

/** Moves that lead to a violation too, with as few switches between threads as this finds. */
export function minimise(machine: Machine, found: Failure, fault?: Fault): Failure {
  let best = found
  let tries = 0

  /** Takes moves if they fail and are simpler. */
  function attempt(moves: readonly number[]): boolean {
    if (tries++ >= TRIES_MAX) return false
    const failed = failure(machine, moves, fault)
    if (failed === undefined || !isSimpler(failed.moves, best.moves)) return false
    best = failed
    return true
  }

  let improved = true
  while (improved && tries < TRIES_MAX) {
    improved = false
    // Whoever moves goes on after a prefix; one of those that end where a thread is left will do.
    for (let length = 0; length < best.moves.length; length++) {
      if (best.moves[length - 1] === best.moves[length]) continue
      improved = attempt(best.moves.slice(0, length)) || improved
    }
    for (let size = best.moves.length >>> 1; size > 0; size >>>= 1) {
      for (let at = 0; at + size <= best.moves.length; at++) {
        const { moves } = best
        improved = attempt([...moves.slice(0, at), ...moves.slice(at + size)]) || improved
      }
    }
  }
  return best
}

function switches(moves: readonly number[]): number {
  return moves.filter((move, i) => i > 0 && move !== moves[i - 1]).length
}

function isSimpler(a: readonly number[], b: readonly number[]): boolean {
  const fewer = switches(a) - switches(b)
  return fewer < 0 || (fewer === 0 && a.length < b.length)
}
