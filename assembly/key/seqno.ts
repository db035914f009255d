import { CONTROL_NEXT_SEQNO, CONTROL_VISIBLE_SEQNO, SLOT_GROUP_END, SLOT_GROUP_SEQNO } from '../memory/layout'
import { atomicAddU64, atomicLoadU64, atomicMaxU64, loadU64, storeU64 } from '../memory/bytes'

/**
 * The database's one sequence counter and what of it is visible. Seqnos are below 2^53 and cross to JavaScript as f64.
 * A write group owns the seqnos [SLOT_GROUP_SEQNO, SLOT_GROUP_END) of its slot.
 */

/** The next seqno that will be given out. */
export function nextSeqno(): f64 {
  return <f64>atomicLoadU64(CONTROL_NEXT_SEQNO)
}

/** Raises the next seqno to at least `seqno`. */
export function raiseNextSeqno(seqno: f64): void {
  atomicMaxU64(CONTROL_NEXT_SEQNO, <u64>seqno)
}

/** Every entry with a smaller seqno is visible. */
export function visibleSeqno(): f64 {
  return <f64>atomicLoadU64(CONTROL_VISIBLE_SEQNO)
}

/** Raises visibleSeqno to at least `seqno`. */
export function publishSeqno(seqno: f64): void {
  atomicMaxU64(CONTROL_VISIBLE_SEQNO, <u64>seqno)
}

/** The S of a read that names `seqno`, or of a latest read if that is 0. */
// @ts-ignore: decorator
@inline
export function readSeqno(seqno: f64): u64 {
  return seqno == 0 ? atomicLoadU64(CONTROL_VISIBLE_SEQNO) : <u64>seqno
}

/** Takes `count` consecutive seqnos for the slot's write group. */
export function beginGroup(slot: u32, count: u32): void {
  const base = atomicAddU64(CONTROL_NEXT_SEQNO, <u64>count)
  storeU64(slot + SLOT_GROUP_SEQNO, base)
  storeU64(slot + SLOT_GROUP_END, base + <u64>count)
}

/** Sets the slot's group to `count` seqnos from `base` without touching the counter (replay). */
export function setGroup(slot: u32, base: f64, count: u32): void {
  storeU64(slot + SLOT_GROUP_SEQNO, <u64>base)
  storeU64(slot + SLOT_GROUP_END, <u64>base + <u64>count)
}

/** Consumes the group's next seqno without an entry. */
export function skipEntry(slot: u32): void {
  const seqno = loadU64(slot + SLOT_GROUP_SEQNO)
  if (!ASC_NO_ASSERT) assert(seqno < loadU64(slot + SLOT_GROUP_END))
  storeU64(slot + SLOT_GROUP_SEQNO, seqno + 1)
}

/** Makes the slot's group visible. INVARIANT: groups are published in seqno order, by the holder of the journal mutex. */
export function publishGroup(slot: u32): void {
  atomicMaxU64(CONTROL_VISIBLE_SEQNO, loadU64(slot + SLOT_GROUP_END))
}
