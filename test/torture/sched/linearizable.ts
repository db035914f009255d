/** One call in a history. Times are numbers of moves; a call takes effect at a moment between the two, if it ended at all. */
export interface Call<S> {
  /** When its first access was carried out. */
  readonly began: number
  /** When its last one was; Infinity if it did not come to that: then it may have taken effect or not. */
  readonly ended: number
  /** The state after it, or undefined if in this state it could not have returned what it did. */
  readonly effect: (state: S) => S | undefined
}

/**
 * Whether calls could have taken effect one at a time, each between its beginning and its end (Wing and Gong, "Testing and verifying
 * concurrent objects", 1993). States are compared by ===.
 */
export function isLinearizable<S>(calls: readonly Call<S>[], initial: S): boolean {
  if (calls.length > 30) throw new RangeError('a history has at most 30 calls')
  const seen = new Map<number, Set<S>>()
  const all = (1 << calls.length) - 1

  function search(done: number, state: S): boolean {
    // Those that are left may begin only before the first of them has ended.
    let firstEnd = Infinity
    let unfinished = false
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i] as Call<S>
      if ((done & (1 << i)) !== 0 || call.ended === Infinity) continue
      unfinished = true
      if (call.ended < firstEnd) firstEnd = call.ended
    }
    if (!unfinished || done === all) return true
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i] as Call<S>
      if ((done & (1 << i)) !== 0 || call.began > firstEnd) continue
      const next = call.effect(state)
      if (next === undefined) continue
      const after = done | (1 << i)
      if (isNew(after, next) && search(after, next)) return true
    }
    return false
  }

  function isNew(done: number, state: S): boolean {
    let states = seen.get(done)
    if (states === undefined) seen.set(done, (states = new Set()))
    if (states.has(state)) return false
    states.add(state)
    return true
  }

  return search(0, initial)
}
