import { atomicMaxU64, loadU32, storeU64 } from '../../../assembly/memory/bytes'

export function resetSeqno(cell: u32): u32 {
  storeU64(cell, 0)
  return 0
}

/** Raises the word to first, first + step, … `count` times. @returns its low half. */
export function raiseSeqno(cell: u32, first: u32, step: u32, count: u32): u32 {
  let seqno: u64 = first
  for (let i: u32 = 0; i < count; i++) {
    atomicMaxU64(cell, seqno)
    seqno += step
  }
  return loadU32(cell)
}
