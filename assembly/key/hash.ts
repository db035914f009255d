import { xxh3 } from '../checksum/xxh3'

/**
 * The hash of a user key, computed once per read for memtable indexes, filters and hash indexes of blocks. Reads [key, key + keyLength).
 */
export function keyHash(key: u32, keyLength: u32): u64 {
  return xxh3(key, keyLength)
}
