/**
 * The order in which one thread may take locks: only downwards in this list, and none twice. Whoever keeps to it cannot
 * take part in a deadlock (docs/concurrency.md).
 */
export const LOCK_ORDER = [
  'flush',
  'compaction',
  'manifest',
  'journal',
  'versionHistory',
  'cacheShard',
  'pagePool',
] as const

export type LockName = (typeof LOCK_ORDER)[number]

/** Watches the order for one thread, in debug builds and tests. A lock of a thread without one checks nothing. */
export class LockOrder {
  /** Positions in LOCK_ORDER, ascending. */
  readonly #held: number[] = []

  /** Before the lock is waited for. @throws Error when a lock is held that comes later, or is of the same name */
  check(name: LockName): void {
    const position = LOCK_ORDER.indexOf(name)
    const last = this.#held.at(-1)
    if (last !== undefined && last >= position) {
      throw new Error(
        `lock order: ${name} asked for while ${LOCK_ORDER[last] as string} is held (docs/concurrency.md)`,
      )
    }
  }

  acquired(name: LockName): void {
    this.#held.push(LOCK_ORDER.indexOf(name))
  }

  /** Locks may be released in any order. */
  released(name: LockName): void {
    this.#held.splice(this.#held.indexOf(LOCK_ORDER.indexOf(name)), 1)
  }
}
