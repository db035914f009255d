import {
  CACHE_SHARDS,
  CACHE_SHARD_COUNT,
  CONTROL_CACHE,
  CONTROL_COMPACTION_LOCK,
  CONTROL_FLUSH_LOCK,
  CONTROL_GROUP,
  CONTROL_JOURNAL_LOCK,
  CONTROL_MANIFEST_LOCK,
  CONTROL_POISON,
  CONTROL_SLOTS_TAKEN,
  CONTROL_SYNC_TURN,
  SHARD_BYTES,
  SHARD_LOCK,
  SLOTS,
  SLOT_BELL,
  SLOT_BYTES,
  SLOT_COUNT,
} from '../../assembly/memory/layout.ts'

const LOCKS = [CONTROL_FLUSH_LOCK, CONTROL_COMPACTION_LOCK, CONTROL_MANIFEST_LOCK, CONTROL_JOURNAL_LOCK]

/** Whether a thread that makes no more steps has left something half done: it holds a lock, its write group is not published, or nobody knows how its sync ended. */
export function isInCriticalSection(words: Int32Array, slot: number): boolean {
  const mark = slot + 1
  const holds = (address: number): boolean => Atomics.load(words, address >>> 2) === mark
  if (holds(CONTROL_GROUP) || LOCKS.some(holds) || holds(CONTROL_SYNC_TURN)) return true
  const shards = Atomics.load(words, (CONTROL_CACHE + CACHE_SHARD_COUNT) >>> 2)
  for (let i = 0; i < shards; i++) {
    if (holds(CONTROL_CACHE + CACHE_SHARDS + i * SHARD_BYTES + SHARD_LOCK)) return true
  }
  return false
}

/** Has everybody who waits for a lock or a message look up. */
export function poisonAll(words: Int32Array): void {
  Atomics.store(words, CONTROL_POISON >>> 2, 1)
  for (const lock of LOCKS) Atomics.notify(words, lock >>> 2)
  for (let slot = 0; slot < SLOT_COUNT; slot++) ring(words, slot)
}

/** Wakes the thread of a slot, if it sleeps until there is a message. NOTE: plain atomics, which always work. */
export function ring(words: Int32Array, slot: number): void {
  const bell = (SLOTS + slot * SLOT_BYTES + SLOT_BELL) >>> 2
  Atomics.add(words, bell, 1)
  Atomics.notify(words, bell)
}

/** Slots that threads have. */
export function takenSlots(words: Int32Array): number[] {
  const taken: number[] = []
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const half = Atomics.load(words, (CONTROL_SLOTS_TAKEN >>> 2) + (slot >>> 5))
    if ((half & (1 << (slot & 31))) !== 0) taken.push(slot)
  }
  return taken
}
