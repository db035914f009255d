import { MERGE_CURRENT, RUN_FRAME } from '../read/merge-page'

/**
 * The state of an entry stream, in a page of its own. Its first part is that of a merge page (../read/merge-page.ts): heap and sources, of which it
 * has fewer.
 *
 *   0             2880      13824   14336          30720                98304     131072
 *   ├ merge head ┼ sources ┼ words ┼ extent sizes ┼ current user key … ┼ members ┤
 *
 * MERGE_CURRENT is a source record whose user key lies in the page: the entry that comes next, once it is chosen, else the one before.
 */
export const STREAM_MAX_SOURCES: u32 = 64
const WORDS: u32 = 13824
/** u32: number of sources; of run sources that want their next block. */
export const STREAM_SOURCES: u32 = WORDS
export const STREAM_WAITING: u32 = WORDS + 4
/** u32: what MERGE_CURRENT is, below. */
export const STREAM_STATE: u32 = WORDS + 8
/** u32: 1 if the entry before had the same user key; then STREAM_NEWER is its seqno and STREAM_NEWER_STRIPE its stripe. */
export const STREAM_HAS_NEWER: u32 = WORDS + 12
/** u32: number of members of the set (stripes.ts). */
export const STREAM_MEMBER_COUNT: u32 = WORDS + 16
/** u32: Version record with the tables that may hold older entries than the sources; 0 without any. */
export const STREAM_OLDER: u32 = WORDS + 20
/** u32: stripe of the newer entry of the user key; stripe in which a tombstone of it was kept, NO_STRIPE if in none. */
export const STREAM_NEWER_STRIPE: u32 = WORDS + 24
export const STREAM_TOMBSTONE_STRIPE: u32 = WORDS + 28
/** u64: trailer of the newer entry of the user key. */
export const STREAM_NEWER: u32 = WORDS + 32
/** u32: for a long user key, how many versions may follow (long-key.ts); 0 otherwise. */
export const STREAM_LONG_VERSIONS: u32 = WORDS + 40
/** u32: 1 if the current entry is the first of its user key that is handed out. */
export const STREAM_FIRST_VERSION: u32 = WORDS + 44
/** u32: record with the keys at which tables are cut (cuts.ts), 0 without; number of the next one. */
export const STREAM_CUTS: u32 = WORDS + 48
export const STREAM_NEXT_CUT: u32 = WORDS + 52
/** u32: 1 if the user key passed a cut and no table has been ended for it yet. */
export const STREAM_CUT_PASSED: u32 = WORDS + 56
/** u32: slices of the user keys from which on and below which entries are left out; no key: length NO_KEY; 1 if the current user key is among them. */
export const STREAM_EXCLUDE_FROM: u32 = WORDS + 80
export const STREAM_EXCLUDE_FROM_LENGTH: u32 = WORDS + 84
export const STREAM_EXCLUDE_TO: u32 = WORDS + 88
export const STREAM_EXCLUDE_TO_LENGTH: u32 = WORDS + 92
export const STREAM_EXCLUDES: u32 = WORDS + 96
export const STREAM_EXCLUDED: u32 = WORDS + 100

/** u32: number of the source of the current entry; of the entry inspected before it; 1 if the current large value was shown. */
export const STREAM_SOURCE: u32 = WORDS + 144
export const STREAM_NEWER_SOURCE: u32 = WORDS + 148
export const STREAM_LARGE_SHOWN: u32 = WORDS + 152

/** u32: 1 if the current entry comes from a block that was in the cache. */
export const STREAM_HOT: u32 = WORDS + 156

/** Block sizes of the extents of the value being written, u32 each. */
export const STREAM_EXTENT_SIZES: u32 = 14336
export const STREAM_KEY: u32 = 30720

/** There is no user key yet. */
export const STATE_EMPTY: u32 = 0
/** MERGE_CURRENT was taken or dropped: the next entry is to be chosen. */
export const STATE_TAKEN: u32 = 1
/** MERGE_CURRENT is the next entry. */
export const STATE_READY: u32 = 2
/** MERGE_CURRENT is a weak tombstone, which goes together with the value below it or else is the next entry. */
export const STATE_WEAK: u32 = 3

export const NO_STRIPE: u32 = 0xffffffff

/** The entry that comes next. */
// @ts-ignore: decorator
@inline
export function currentEntry(stream: u32): u32 {
  return stream + MERGE_CURRENT
}

/** u32 in a run source: the page that its data block is copied to. */
export const RUN_PAGE: u32 = RUN_FRAME
