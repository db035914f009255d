import { xxh3With } from '../checksum/xxh3'
import { hashBegin, hashFinishWith, hashUpdateWith } from '../checksum/xxh3-stream'
import { KEY_SECRET } from '../memory/layout'

/**
 * The hash of a user key, computed once per read for memtable indexes, filters and hash indexes of blocks. Reads [key, key + keyLength).
 * With the database's own secret: whoever chooses keys cannot choose which of them meet.
 */
export function keyHash(key: u32, keyLength: u32): u64 {
  return xxh3With(key, keyLength, KEY_SECRET)
}

/** keyHash of [head, head + shared) and [rest, rest + restLength) one behind the other. `state`: HASH_STATE_BYTES to work with. */
export function splitKeyHash(state: u32, head: u32, shared: u32, rest: u32, restLength: u32): u64 {
  hashBegin(state)
  hashUpdateWith(state, head, shared, KEY_SECRET)
  hashUpdateWith(state, rest, restLength, KEY_SECRET)
  return hashFinishWith(state, KEY_SECRET)
}
