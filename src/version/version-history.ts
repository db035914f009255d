/** What a history keeps: something that reads go through, and the seqno from which it holds. */
export interface Dated {
  /** Reads at S see it if it is the newest with a smaller seqno. */
  readonly seqno: number
}

/**
 * The SuperVersions of a keyspace that some read may still go through, by seqno. SuperVersion i is for the S in
 * (seqno[i], seqno[i + 1]], the latest for all above its own.
 *
 * INVARIANT: never empty; seqnos ascend strictly. A call that changes something moves `changes`, so that whoever keeps a
 * SuperVersion can tell that it may have been replaced.
 */
export class VersionHistory<T extends Dated> {
  /** Number of changes so far. */
  changes = 0
  #superVersions: T[]

  constructor(first: T) {
    this.#superVersions = [first]
  }

  get size(): number {
    return this.#superVersions.length
  }

  get latest(): T {
    return this.#superVersions[this.#superVersions.length - 1] as T
  }

  /** Oldest first. */
  [Symbol.iterator](): Iterator<T> {
    return this.#superVersions.values()
  }

  /**
   * The newest SuperVersion with a seqno below S; for S = 0, which sees nothing, the oldest. INVARIANT: S is registered as
   * a snapshot, or not below the dropBarrier.
   * @throws Error when there is none: S was neither
   */
  getVersionForSnapshot(seqno: number): T {
    const superVersions = this.#superVersions
    let low = 0
    let high = superVersions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((superVersions[middle] as T).seqno < seqno) low = middle + 1
      else high = middle
    }
    const found = superVersions[seqno === 0 ? 0 : low - 1]
    if (found === undefined) throw new Error(`no SuperVersion is left for seqno ${seqno}`)
    return found
  }

  /** Adds one that differs for reads at S > its seqno only: clear, dropRange, ingest and other changes of what is read. */
  append(superVersion: T): void {
    if (superVersion.seqno <= this.latest.seqno) {
      throw new Error(`SuperVersion of seqno ${superVersion.seqno} appended to one of ${this.latest.seqno}`)
    }
    this.#superVersions.push(superVersion)
    this.changes++
  }

  /** Puts one with the same content for all reads in the place of the latest. @returns the one replaced */
  replaceLatest(superVersion: T): T {
    const replaced = this.latest
    assertSameSeqno(replaced, superVersion)
    this.#superVersions[this.#superVersions.length - 1] = superVersion
    this.changes++
    return replaced
  }

  /**
   * Puts what `map` returns in the place of every SuperVersion: a flush names its tables where its memtables were named. What
   * `map` returns unchanged stays. Nothing changes if it throws.
   * @returns those replaced, oldest first
   */
  replaceAll(map: (superVersion: T) => T): T[] {
    const after = this.#superVersions.map((old) => {
      const superVersion = map(old)
      assertSameSeqno(old, superVersion)
      return superVersion
    })
    const replaced = this.#superVersions.filter((old, i) => old !== after[i])
    if (replaced.length > 0) {
      this.#superVersions = after
      this.changes++
    }
    return replaced
  }

  /**
   * Removes what no read can go through any more. SuperVersion i stays iff it is the latest, or seqno[i + 1] ≥ `barrier` (a
   * snapshot not in the list may be there), or one of `snapshots` lies in (seqno[i], seqno[i + 1]].
   * ORDER: `barrier` is what raiseBarrier() returned, `snapshots` what live() returned after it, ascending.
   * @returns those removed, oldest first
   */
  gc(barrier: number, snapshots: readonly number[]): T[] {
    const kept: T[] = []
    const removed: T[] = []
    let next = 0
    for (const [i, superVersion] of this.#superVersions.entries()) {
      const end = this.#superVersions[i + 1]?.seqno ?? Infinity
      while ((snapshots[next] ?? Infinity) <= superVersion.seqno) next++
      const isRead = end >= barrier || (snapshots[next] ?? Infinity) <= end
      ;(isRead ? kept : removed).push(superVersion)
    }
    if (removed.length > 0) {
      this.#superVersions = kept
      this.changes++
    }
    return removed
  }
}

function assertSameSeqno(old: Dated, superVersion: Dated): void {
  if (superVersion.seqno === old.seqno) return
  throw new Error(`SuperVersion of seqno ${old.seqno} replaced by one of ${superVersion.seqno}`)
}
