import { CONTROL_EPOCH, CONTROL_SLOTS_TAKEN, SLOTS, SLOT_BYTES, SLOT_COUNT, SLOT_EPOCH } from './layout'
import { atomicAddU32, atomicLoadU32, atomicLoadU64, atomicStoreU32 } from './bytes'

/**
 * Reclamation by epochs: what shared pointers lead to is freed when no thread can be reading it any more (Fraser, "Practical lock-freedom", 2004).
 *
 *   reader                              who replaces something
 *   (1) slot ← CONTROL_EPOCH            (a) the shared pointer ← the new one
 *   (2) load the shared pointer         (b) tag = CONTROL_EPOCH, which goes up
 *   (3) read what it leads to           (c) look at all slots: each 0 or above the tag → free the old one
 *   (4) slot ← 0
 *
 * ORDER: (1) and (2), (a), (b) and (c) are sequentially consistent. If (c) does not find what (1) stored, (2) comes after (a) and finds the new pointer.
 * If it does, and what was stored is above the tag, (1) came after (b), so (2) comes after (a) as well.
 */

/** Begins a read: what the shared pointers that are loaded from now on lead to stays until `leaveRead`. Not nested. */
// @ts-ignore: decorator
@inline
export function enterRead(slot: u32): void {
  if (!ASC_NO_ASSERT) assert(atomicLoadU32(slot + SLOT_EPOCH) == 0)
  atomicStoreU32(slot + SLOT_EPOCH, atomicLoadU32(CONTROL_EPOCH))
}

/** Ends a read. */
// @ts-ignore: decorator
@inline
export function leaveRead(slot: u32): void {
  atomicStoreU32(slot + SLOT_EPOCH, 0)
}

/** The clock goes by twos and begins at 1, so that it is never 0, which stands for no read: not at the moment when it wraps either. */
const TICK: u32 = 2

/** @returns the tag of what was replaced before this call. It wraps after 2^31 of them, so `isRead` compares distances. */
export function retire(): u32 {
  return atomicAddU32(CONTROL_EPOCH, TICK)
}

/** Whether a thread may still read what has that tag. */
export function isRead(tag: u32): bool {
  const taken = atomicLoadU64(CONTROL_SLOTS_TAKEN)
  for (let index: u32 = 0; index < SLOT_COUNT; index++) {
    if (((taken >>> index) & 1) == 0) continue
    const epoch = atomicLoadU32(SLOTS + index * SLOT_BYTES + SLOT_EPOCH)
    if (epoch != 0 && <i32>(epoch - tag) <= 0) return true
  }
  return false
}
