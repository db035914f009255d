/**
 * The payload of data and index blocks (docs/table-format.md), as offsets.
 *
 *   ├ entries … ┼ restart array (u16 or u32 each) ┼ hash index (u8 each), or nothing ┼ trailer 32 B ┤
 *
 *   entry: u8 type byte | varint32 shared | varint32 rest | varint32 value length | varint64 seqno − base
 *          | rest key bytes | value bytes
 */

/** Offsets in the trailer, which is the last BLOCK_PAYLOAD_TRAILER bytes of the payload. */
export const BLOCK_PAYLOAD_TRAILER: u32 = 32
export const TRAILER_BASE_SEQNO: u32 = 0
export const TRAILER_ENTRIES: u32 = 8
export const TRAILER_RESTARTS: u32 = 12
export const TRAILER_RESTART_ARRAY: u32 = 16
export const TRAILER_HASH_INDEX: u32 = 20
export const TRAILER_HASH_BUCKETS: u32 = 24
export const TRAILER_INTERVAL: u32 = 28
export const TRAILER_FLAGS: u32 = 29
export const TRAILER_ZERO: u32 = 30
/** Flag: restart offsets are u32; set iff the restart array starts above RESTART_U16_MAX. */
export const FLAG_WIDE_RESTARTS: u32 = 1
export const RESTART_U16_MAX: u32 = 65535

/** Offsets in a block's header. */
export const HEADER_KIND: u32 = 0
export const HEADER_COMPRESSION: u32 = 1
export const HEADER_FLAGS: u32 = 2
export const HEADER_STORED_LENGTH: u32 = 4
export const HEADER_RAW_LENGTH: u32 = 8
export const HEADER_ZERO: u32 = 12
