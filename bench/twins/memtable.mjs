import { createBytes } from './bytes.mjs'
import { PAGE_BYTES } from './memory.mjs'

const HEIGHT = 12
const PAGE_DATA = 16
const PAGE_SLACK = 16
const KEY = 4
/** Behind the key: u64 trailer | u32 value | u32 value length | u32 chain */
const TAIL_BYTES = 20
const PREFIX_BYTES = 16
const TYPE_VALUE = 1
const TYPE_BITS = 256
const TWO_32 = 4294967296
const SIGN = 0x80000000
/** Words of a list: height | two of random state | splice of 12 nodes before and 12 behind | head, at its end */
const LIST_HEIGHT = 0
const LIST_RANDOM = 1
const LIST_SPLICE = 3
const LIST_NEXT = LIST_SPLICE + HEIGHT
const LIST_HEAD = 4 * (LIST_NEXT + 2 * HEIGHT)
/** Of a memtable: where the next node and the next value go, entries, bytes, f64 highest and lowest seqno; then its list. */
const NODES = 0
const VALUES = 4
const ENTRIES = 8
const ENTRY_BYTES = 12
const HIGHEST_SEQNO = 16
const LOWEST_SEQNO = 24
const LIST = 32

/**
 * Twins of assembly/memtable: a skiplist of the same nodes (skiplist.ts draws them) in two arenas. In its favour: its links are plain words, for JavaScript that
 * shares nothing needs no atomic ones.
 */
export function createMemtables(memory) {
  const { i32, u8, view } = memory
  const { compareBytes, copyBytes } = createBytes(memory)
  let freshPage = 1

  function takePage() {
    return PAGE_BYTES * freshPage++
  }

  /** All pages are free again. */
  function freeMemtables() {
    freshPage = 1
  }

  function createMemtable() {
    const memtable = takePage() + PAGE_DATA
    const end = memtable + LIST + LIST_HEAD
    u8.fill(0, memtable, end)
    i32[(memtable + NODES) >>> 2] = end
    view.setFloat64(memtable + LOWEST_SEQNO, Infinity, true)
    const list = (memtable + LIST) >>> 2
    i32[list + LIST_HEIGHT] = 1
    i32[list + LIST_RANDOM] = 0x7f4a7c15
    i32[list + LIST_RANDOM + 1] = 0x9e3779b9
    for (let level = 0; level < HEIGHT; level++) i32[list + LIST_SPLICE + level] = end
    return memtable
  }

  /** Allocates from the arena whose next place is the word at `cursor`. */
  function allocate(cursor, bytes) {
    let at = i32[cursor >>> 2]
    if (at === 0 || bytes > PAGE_BYTES - PAGE_SLACK - (at & (PAGE_BYTES - 1))) at = takePage() + PAGE_DATA
    i32[cursor >>> 2] = at + bytes
    return at
  }

  /** Of xorshift64, by halves. */
  function nextHeight(list) {
    let low = i32[list + LIST_RANDOM]
    let high = i32[list + LIST_RANDOM + 1]
    high ^= (high << 13) | (low >>> 19)
    low ^= low << 13
    low ^= (low >>> 7) | (high << 25)
    high ^= high >>> 7
    high ^= (high << 17) | (low >>> 15)
    low ^= low << 17
    i32[list + LIST_RANDOM] = low
    i32[list + LIST_RANDOM + 1] = high
    const bits = high | (1 << (2 * (HEIGHT - 1)))
    return 1 + ((31 - Math.clz32(bits & -bits)) >>> 1)
  }

  function tailOf(node) {
    return (node + ((KEY + 3 + i32[node >>> 2]) & ~3)) >>> 2
  }

  function seqnoOf(node) {
    const tail = tailOf(node)
    return (i32[tail + 1] >>> 0) * (TWO_32 / TYPE_BITS) + (i32[tail] >>> 8)
  }

  /** Whether a node stands before (key, seqno); a…d are the key's first 16 bytes as big-endian words, and unused of a shorter key. */
  function isBefore(node, a, b, c, d, key, keyLength, seqno) {
    if (keyLength >= PREFIX_BYTES && i32[node >>> 2] >= PREFIX_BYTES) {
      const x = view.getInt32(node + KEY, false)
      if (x !== a) return (x ^ SIGN) < (a ^ SIGN)
      const y = view.getInt32(node + KEY + 4, false)
      if (y !== b) return (y ^ SIGN) < (b ^ SIGN)
      const z = view.getInt32(node + KEY + 8, false)
      if (z !== c) return (z ^ SIGN) < (c ^ SIGN)
      const w = view.getInt32(node + KEY + 12, false)
      if (w !== d) return (w ^ SIGN) < (d ^ SIGN)
    }
    const order = compareBytes(node + KEY, i32[node >>> 2], key, keyLength)
    return order !== 0 ? order < 0 : seqnoOf(node) > seqno
  }

  /** The big-endian word at an offset of a key that is long enough to have a prefix. */
  function prefixWord(key, keyLength, offset) {
    return keyLength >= PREFIX_BYTES ? view.getInt32(key + offset, false) : 0
  }

  /** First node that does not stand before (key, seqno), 0 at the end. */
  function seek(memtable, key, keyLength, seqno) {
    const a = prefixWord(key, keyLength, 0)
    const b = prefixWord(key, keyLength, 4)
    const c = prefixWord(key, keyLength, 8)
    const d = prefixWord(key, keyLength, 12)
    let node = memtable + LIST + LIST_HEAD
    let bigger = 0
    for (let level = i32[(memtable + LIST) >>> 2] - 1; level >= 0; level--) {
      for (;;) {
        const next = i32[(node >>> 2) - 1 - level]
        if (next === bigger) break
        if (!isBefore(next, a, b, c, d, key, keyLength, seqno)) {
          bigger = next
          break
        }
        node = next
      }
    }
    return bigger
  }

  /** Links a complete node. @returns false if the list has that internal key */
  function link(memtable, node, height, keyLength, seqno) {
    const list = (memtable + LIST) >>> 2
    const head = memtable + LIST + LIST_HEAD
    const key = node + KEY
    const a = prefixWord(key, keyLength, 0)
    const b = prefixWord(key, keyLength, 4)
    const c = prefixWord(key, keyLength, 8)
    const d = prefixWord(key, keyLength, 12)
    const previous = i32[list + LIST_SPLICE]
    const next = i32[list + LIST_NEXT]
    const hit =
      previous !== head &&
      isBefore(previous, a, b, c, d, key, keyLength, seqno) &&
      (next === 0 || !isBefore(next, a, b, c, d, key, keyLength, seqno))
    const levels = i32[list + LIST_HEIGHT]
    if (!hit) {
      let at = head
      let bigger = 0
      for (let level = levels - 1; level >= 0; level--) {
        for (;;) {
          const other = i32[(at >>> 2) - 1 - level]
          if (other === bigger) break
          if (!isBefore(other, a, b, c, d, key, keyLength, seqno)) {
            bigger = other
            break
          }
          at = other
        }
        i32[list + LIST_SPLICE + level] = at
        i32[list + LIST_NEXT + level] = bigger
      }
    }
    const behind = i32[list + LIST_NEXT]
    if (
      behind !== 0 &&
      seqnoOf(behind) === seqno &&
      compareBytes(behind + KEY, i32[behind >>> 2], key, keyLength) === 0
    ) {
      return false
    }
    for (let level = 0; level < height; level++) {
      i32[(node >>> 2) - 1 - level] = i32[list + LIST_NEXT + level]
      i32[(i32[list + LIST_SPLICE + level] >>> 2) - 1 - level] = node
      i32[list + LIST_SPLICE + level] = node
    }
    if (levels < height) i32[list + LIST_HEIGHT] = height
    return true
  }

  function insert(memtable, key, keyLength, seqno, value, valueLength) {
    const height = nextHeight((memtable + LIST) >>> 2)
    const size = 4 * height + ((KEY + 3 + keyLength) & ~3) + TAIL_BYTES
    const node = allocate(memtable + NODES, size) + 4 * height
    let copy = 0
    if (valueLength > 0) {
      copy = allocate(memtable + VALUES, valueLength)
      copyBytes(copy, value, valueLength)
    }
    i32[node >>> 2] = keyLength
    const tail = tailOf(node)
    i32[tail] = (seqno * TYPE_BITS) | TYPE_VALUE
    i32[tail + 1] = Math.floor(seqno / (TWO_32 / TYPE_BITS))
    i32[tail + 2] = copy
    i32[tail + 3] = valueLength
    copyBytes(node + KEY, key, keyLength)
    if (!link(memtable, node, height, keyLength, seqno)) return false
    i32[(memtable + ENTRIES) >>> 2]++
    i32[(memtable + ENTRY_BYTES) >>> 2] += size + valueLength
    if (view.getFloat64(memtable + HIGHEST_SEQNO, true) < seqno)
      view.setFloat64(memtable + HIGHEST_SEQNO, seqno, true)
    if (view.getFloat64(memtable + LOWEST_SEQNO, true) > seqno)
      view.setFloat64(memtable + LOWEST_SEQNO, seqno, true)
    return true
  }

  function entries(memtable) {
    return i32[(memtable + ENTRIES) >>> 2]
  }

  /** The first node, 0 of none. */
  function first(memtable) {
    return i32[((memtable + LIST + LIST_HEAD) >>> 2) - 1]
  }

  return { createMemtable, freeMemtables, takePage, insert, entries, seek, first, tailOf, seqnoOf }
}
