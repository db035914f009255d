/**
 * The LZ4 block format: sequences of literals and a match, one behind the other.
 *
 *   u8 token │ more literal length … │ literals │ u16 offset │ more match length …
 *
 *   token           literal length in the high 4 bits, match length − 4 in the low 4 bits
 *   more length     only if its 4 bits are 15: bytes that are added up, to the first one below 255
 *   offset          1 … 65,535: how far before the place it is copied to a match begins
 *
 * The last sequence ends behind its literals.
 */
export const LENGTH_BITS: u32 = 4
/** A length in the token that is not the whole length. */
export const LENGTH_MORE: u32 = 15
export const LENGTH_BYTE_MORE: u32 = 255
export const MATCH_MIN_BYTES: u32 = 4
export const OFFSET_MAX: u32 = 65535
