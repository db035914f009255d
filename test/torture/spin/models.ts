/** What is checked of each model: in which bounds it must hold, and which seeded bugs must be found. What a model proves is said at its beginning, and in docs/concurrency.md. */

/** Macros of a model, by name. */
export type Macros = Readonly<Record<string, number>>

/** `quarter`: in every test run; `short`: half a minute; `long`: as long as there is time. */
export type Column = 'quarter' | 'short' | 'long'

/** Bounds in which a model is searched to the end. */
export interface Bounds {
  readonly column: Column
  readonly macros: Macros
  /** Whether it is checked that everybody ends, under weak fairness, rather than that nothing bad happens. */
  readonly liveness?: true
}

export interface SeededBug {
  /** Macro that seeds it. */
  readonly name: string
  /** Small bounds in which it shows. */
  readonly macros: Macros
  readonly liveness?: true
}

export interface Model {
  /** File name without `.pml`. */
  readonly name: string
  readonly bounds: readonly Bounds[]
  readonly bugs: readonly SeededBug[]
}

/** Bugs with the same bounds. */
function seeded(macros: Macros, ...names: readonly string[]): SeededBug[] {
  return names.map((name) => ({ name: `BUG_${name}`, macros }))
}

const MUTEX = { SLICES: 1, TIMEOUTS: 1, DEATHS: 0, POISONS: 0 }
const DYING = { ...MUTEX, THREADS: 2, ROUNDS: 2, TIMEOUTS: 0, DEATHS: 1 }

const mutex: Model = {
  name: 'mutex',
  bounds: [
    { column: 'quarter', macros: { ...MUTEX, THREADS: 3, ROUNDS: 1 } },
    { column: 'short', macros: { ...MUTEX, THREADS: 2, ROUNDS: 3, SLICES: 2 } },
    { column: 'short', macros: { ...MUTEX, THREADS: 3, ROUNDS: 1, POISONS: 1 } },
    { column: 'short', macros: { ...MUTEX, THREADS: 2, ROUNDS: 1, DEATHS: 1 }, liveness: true },
    { column: 'long', macros: { ...MUTEX, THREADS: 3, ROUNDS: 2, SLICES: 2 } },
    {
      column: 'long',
      macros: { ...DYING, TIMEOUTS: 1 },
      liveness: true,
    },
    { column: 'long', macros: { ...MUTEX, THREADS: 3, ROUNDS: 1, DEATHS: 1 } },
    { column: 'long', macros: { ...MUTEX, THREADS: 3, ROUNDS: 1, POISONS: 1 }, liveness: true },
  ],
  bugs: [
    ...seeded(
      { ...MUTEX, THREADS: 3, ROUNDS: 1, SLICES: 2 },
      'SLEEPS_WITHOUT_COMPARING',
      'SLEEPERS_BEFORE_STORE',
      'HEIR_UNCHECKED',
      'WAKES_ONE_FOR_THE_HEIR',
      'STAYS_STARVING',
      'GIVES_UP_THE_HAND_OVER',
    ),
    ...seeded({ ...MUTEX, THREADS: 2, ROUNDS: 3, SLICES: 2 }, 'NOBODY_STARVES'),
    { name: 'BUG_POISON_UNSEEN', macros: { ...DYING }, liveness: true },
    { name: 'BUG_HAND_OVER_NOT_AWAITED', macros: DYING, liveness: true },
    {
      name: 'BUG_NOT_FORGOTTEN',
      macros: { ...DYING, ROUNDS: 3 },
      liveness: true,
    },
  ],
}

const RW_LOCK = { ROUNDS: 1, SLICES: 1, TIMEOUTS: 1, DEATHS: 0 }

const rwLock: Model = {
  name: 'rw-lock',
  bounds: [
    { column: 'quarter', macros: { ...RW_LOCK, READERS: 2, WRITERS: 1 } },
    { column: 'short', macros: { ...RW_LOCK, READERS: 1, WRITERS: 2 } },
    { column: 'short', macros: { ...RW_LOCK, READERS: 1, WRITERS: 1, DEATHS: 1 }, liveness: true },
    { column: 'long', macros: { ...RW_LOCK, READERS: 2, WRITERS: 1, DEATHS: 1 } },
    { column: 'long', macros: { ...RW_LOCK, READERS: 2, WRITERS: 2 } },
    { column: 'long', macros: { ...RW_LOCK, READERS: 2, WRITERS: 1 }, liveness: true },
  ],
  bugs: [
    ...seeded(
      { ...RW_LOCK, READERS: 2, WRITERS: 2 },
      'PHASE_IGNORED',
      'WAKES_BEFORE_LEAVING',
      'GIVES_UP_WITHOUT_LOOKING',
      'READERS_UNSEEN',
      'KEEPS_THE_MUTEX',
      'ANNOUNCED_BEHIND_THE_MUTEX',
      'GIVES_UP_IN_SILENCE',
      'MUTEX_FIRST',
    ),
    { name: 'BUG_DEPARTS_FIRST', macros: { ...RW_LOCK, READERS: 1, WRITERS: 1, DEATHS: 1 }, liveness: true },
  ],
}

const COMMIT = { THREADS: 2, COMMITS: 1, ROTATIONS: 0, WRITE_FAILURES: 0, SYNC_FAILURES: 0, TRAPS: 0 }
const ROTATING = { ...COMMIT, ROTATIONS: 1 }

const groupCommit: Model = {
  name: 'group-commit',
  bounds: [
    { column: 'quarter', macros: { ...COMMIT, COMMITS: 2 } },
    { column: 'short', macros: { ...ROTATING, WRITE_FAILURES: 1, TRAPS: 1 } },
    { column: 'short', macros: { ...COMMIT, SYNC_FAILURES: 1 } },
    { column: 'long', macros: { ...ROTATING, COMMITS: 2 } },
    { column: 'long', macros: { ...COMMIT, THREADS: 3, WRITE_FAILURES: 1 } },
  ],
  bugs: [
    ...seeded(
      ROTATING,
      'SEQNO_OUTSIDE_THE_LOCK',
      'LENGTH_BEFORE_THE_WRITE',
      'LENGTH_READ_AFTER_THE_SYNC',
      'PUBLISHED_BEFORE_THE_INSERT',
      'PUBLISHED_OUTSIDE_THE_LOCK',
      'SEALED_WITHOUT_THE_LOCK',
      'SYNCED_CARRIED_OVER',
      'EARLIER_NOT_AWAITED',
      'WAITS_SET_BEHIND_THE_JOURNAL',
      'WAITS_CLEARED_BEFORE_THE_SYNC',
      'CLOSED_WHILE_SYNCING',
      'SYNCS_COUNTED_OUTSIDE_THE_LOCK',
    ),
    ...seeded({ ...COMMIT, WRITE_FAILURES: 1 }, 'CUT_NOT_SYNCED'),
    ...seeded({ ...COMMIT, TRAPS: 1 }, 'GROUP_UNSEEN'),
    ...seeded(
      { ...COMMIT, SYNC_FAILURES: 1 },
      'SYNC_TRIED_AGAIN',
      'SYNCS_AT_ONCE',
      'POISON_UNSEEN_IN_THE_TURN',
    ),
  ],
}

const RECLAIM = { READERS: 1, READS: 1, WRITES: 2, ROTATIONS: 2, FLUSHES: 1 }

const reclaim: Model = {
  name: 'reclaim',
  bounds: [
    { column: 'quarter', macros: { ...RECLAIM, ROTATIONS: 1 } },
    { column: 'short', macros: RECLAIM },
    { column: 'long', macros: { ...RECLAIM, READERS: 2, WRITES: 1, ROTATIONS: 1 } },
    { column: 'long', macros: { ...RECLAIM, READS: 2, WRITES: 1, FLUSHES: 2 } },
  ],
  bugs: [
    ...seeded(
      RECLAIM,
      'POINTER_BEFORE_SLOT',
      'SLOT_NOT_TAKEN',
      'LEAVES_BEFORE_IT_READS',
      'RETIRED_BEFORE_IT_IS_REPLACED',
      'FREED_AT_ITS_EPOCH',
      'CLOCK_BY_ONES',
      'TAGS_COMPARED_UNSIGNED',
      'MEMTABLES_FREED_AT_ONCE',
      'ROTATES_WITHOUT_THE_LOCK',
      'INSTALL_FORGETS_A_ROTATION',
    ),
    ...seeded({ ...RECLAIM, READS: 2, WRITES: 1, FLUSHES: 2 }, 'OLDEST_TAG_TRUSTED'),
    ...seeded({ ...RECLAIM, ROTATIONS: 1 }, 'INSTALLS_UNLOCKED'),
  ],
}

const READING = { COMMITS: 2, FLUSHES: 1, CLEARS: 0, DROPS: 0, READS: 1, TRIES: 1 }
const CLEARING = { ...READING, FLUSHES: 0, CLEARS: 1 }

const pinThenS: Model = {
  name: 'pin-then-s',
  bounds: [
    { column: 'quarter', macros: READING },
    { column: 'quarter', macros: CLEARING },
    { column: 'short', macros: { ...READING, COMMITS: 3, TRIES: 2 } },
    { column: 'long', macros: { ...READING, CLEARS: 1 } },
    { column: 'long', macros: { ...READING, COMMITS: 3, FLUSHES: 2 } },
    { column: 'long', macros: { ...READING, COMMITS: 3, CLEARS: 1, TRIES: 2 } },
  ],
  bugs: [
    ...seeded(
      READING,
      'PUBLISHED_BEFORE_THE_INSERTS',
      'PUBLISHED_HALF',
      'S_BEFORE_THE_SUPERVERSION',
      'NOT_LOOKED_AGAIN',
      'DROPS_WHAT_SNAPSHOTS_NEED',
      'SCANNED_BEFORE_THE_BARRIER',
      'BARRIER_UNSEEN',
      'NOT_REGISTERED',
    ),
    ...seeded(
      CLEARING,
      'CLEAR_PUBLISHED_BEHIND_ITS_SEQNO',
      'LINKED_BEHIND_THE_RECORD',
      'SEQNO_UNCHECKED',
      'SEES_WHAT_BEGINS_AT_S',
      'GC_WITHOUT_THE_SNAPSHOTS',
    ),
    ...seeded({ ...READING, DROPS: 1 }, 'MARK_SEEN_BEFORE_THE_RECORD'),
  ],
}

const REGISTRY = { READERS: 2, ROUNDS: 1, DROPPERS: 1, DROPS: 1, LAST: 3 }

const dropBarrier: Model = {
  name: 'drop-barrier',
  bounds: [
    { column: 'quarter', macros: REGISTRY },
    { column: 'short', macros: { ...REGISTRY, DROPS: 2 } },
    { column: 'short', macros: { ...REGISTRY, LAST: 2 }, liveness: true },
    { column: 'long', macros: { ...REGISTRY, ROUNDS: 2, DROPS: 2 } },
    { column: 'long', macros: { ...REGISTRY, DROPPERS: 2 } },
    { column: 'long', macros: { ...REGISTRY, READERS: 3 } },
  ],
  bugs: [
    ...seeded(
      REGISTRY,
      'BARRIER_BEFORE_THE_SLOT',
      'BARRIER_UNSEEN',
      'NEW_S_NOT_STORED',
      'SCANNED_BEFORE_THE_BARRIER',
      'USED_COUNTED_AT_THE_END',
    ),
    ...seeded({ ...REGISTRY, READERS: 1, DROPPERS: 2 }, 'BARRIER_FALLS', 'NEW_S_NOT_CHECKED'),
  ],
}

export const MODELS: readonly Model[] = [mutex, rwLock, groupCommit, reclaim, pinThenS, dropBarrier]
