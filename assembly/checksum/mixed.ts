import { loadU64, storeU64 } from '../memory/bytes'
import { xxh3, xxh3Words } from './xxh3'

/**
 * The checksum stored with everything in a table file: XXH3-64(bytes) XOR XXH3-64(salt 16 B ‖ u64 offset ‖ u64 kind).
 * Bytes of another file, from another place or of another kind do not pass.
 */
export function mixed(p: u32, length: u32, kind: u32, salt: u32, offset: u64): u64 {
  return xxh3(p, length) ^ xxh3Words(loadU64(salt), loadU64(salt + 8), offset, kind)
}

/** KernelExports.mixedChecksum. */
export function mixedChecksum(p: u32, length: u32, kind: u32, salt: u32, offset: f64, result: u32): void {
  storeU64(result, mixed(p, length, kind, salt, <u64>offset))
}

/** KernelExports.hash. */
export function hash(p: u32, length: u32, result: u32): void {
  storeU64(result, xxh3(p, length))
}
