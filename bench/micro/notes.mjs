const PLAIN = "the twin's links and counters are plain words, the others' atomic ones"
const MISSES = 'what counts are misses of the cache, which are the same in all columns'
const NO_64_BITS = 'JavaScript multiplies no words of 64 bits: the twin has them in halves'
const ATOMIC_64_BITS = 'seqnos have 53 bits: JavaScript has atomic words for them as BigInts only'
const SHORTER_WAY =
  'the twin and the native form go straight to the key, the kernel to the entry before it and one further'

/** What is to be known of a line: `always`; `faster`: why the twin is, where it is, and why Wasm stays. */
export const NOTES = {
  'skiplist insert random': { always: PLAIN },
  'skiplist insert sequential': { always: PLAIN },
  'skiplist lookup': { always: MISSES },
  'skiplist scan': {
    always: MISSES,
    faster: 'a walk has nothing to compute; Wasm stays, for other threads read the same list',
  },
  'seqno maximum': { always: ATOMIC_64_BITS },
  'seqno maximum contended': { always: ATOMIC_64_BITS },
  'block search': { always: SHORTER_WAY },
  'block search by hash index': { always: `where keys of two intervals share a bucket ${SHORTER_WAY}` },
  'checksum 4 KiB': { always: NO_64_BITS },
  'key hash 16 B': { always: NO_64_BITS },
}
