import { TYPE_MASK } from '../memory/layout'

/**
 * An internal key is a user key and a trailer: seqno << 8 | type byte. Among the versions of one user key the trailer
 * descends, so the newest version comes first.
 */

/** Seqnos are below this. */
export const SEQNO_LIMIT: u64 = 1 << 53
/** Stands before every version of a key: newer than all. */
export const TRAILER_BEFORE: u64 = 0xffffffffffffffff
/** Stands after every version of a key: seqnos start at 1. */
export const TRAILER_AFTER: u64 = 0

// @ts-ignore: decorator
@inline
export function trailerOf(seqno: u64, typeByte: u32): u64 {
  return (seqno << 8) | (<u64>typeByte)
}

// @ts-ignore: decorator
@inline
export function trailerSeqno(trailer: u64): u64 {
  return trailer >>> 8
}

/** The type byte: type in the low 4 bits, flags in the high 4. */
// @ts-ignore: decorator
@inline
export function trailerTypeByte(trailer: u64): u32 {
  return (<u32>trailer) & 255
}

/** The type without flags. */
// @ts-ignore: decorator
@inline
export function trailerType(trailer: u64): u32 {
  return (<u32>trailer) & TYPE_MASK
}

/** Stands just before the newest version that a read at `seqno` sees (entries with a smaller seqno). */
// @ts-ignore: decorator
@inline
export function readTrailer(seqno: u64): u64 {
  return (seqno << 8) - 1
}
