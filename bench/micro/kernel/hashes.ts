import { xxh3 } from '../../../assembly/checksum/xxh3'
import { keyHash } from '../../../assembly/key/hash'
import { storeU64 } from '../../../assembly/memory/bytes'

/** Writes the checksum of each of `count` blocks of `length` bytes to `sums`, u64 each. */
export function checksumBlocks(blocks: u32, length: u32, count: u32, sums: u32): u32 {
  for (let i: u32 = 0; i < count; i++) storeU64(sums + 8 * i, xxh3(blocks + i * length, length))
  return count
}

/** Writes the hash of each key to `hashes`, u64 each. */
export function hashKeys(keys: u32, keyLength: u32, count: u32, hashes: u32): u32 {
  for (let i: u32 = 0; i < count; i++) storeU64(hashes + 8 * i, keyHash(keys + i * keyLength, keyLength))
  return count
}
