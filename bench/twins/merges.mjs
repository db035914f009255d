import { createBytes } from './bytes.mjs'
import { createMemtables } from './memtable.mjs'

/** There are as many values; they are taken in turn. */
const VALUES_MASK = 1023
const RUNS_MAX = 16
const READ_SEQNO = 1e9
const PREFIX_WORDS = 4
const PREFIX_BYTES = 16
const TYPE_VALUE = 1
const CHUNK_HEADER_BYTES = 8
const SIGN = 0x80000000

/**
 * Twin of assembly/read/merge-fill.ts with what it uses, for memtables and forwards: a heap of sources that keeps the runner-up, the first 16 bytes of
 * each source's key at hand, of every user key the newest version below READ_SEQNO, entries in chunks.
 */
export function createMerges(memory) {
  const { i32, u8, view } = memory
  const { compareBytes, copyBytes, equalBytes } = createBytes(memory)
  const { createMemtable, insert, first, tailOf, seqnoOf } = createMemtables(memory)
  const memtables = new Int32Array(RUNS_MAX)
  let runs = 0
  /** Of each source: the node at which it stands, and its key's first bytes as big-endian words with the sign bit turned, in their order. */
  const nodes = new Int32Array(RUNS_MAX)
  const prefixes = new Int32Array(PREFIX_WORDS * RUNS_MAX)
  const heap = new Int32Array(RUNS_MAX)
  let heapCount = 0
  /** Place in the heap of the second best source, 0 if not known. */
  let runnerUp = 0
  /** Node of the user key that was decided last, 0 at first. */
  let current = 0

  function stand(source, node) {
    nodes[source] = node
    const length = i32[node >>> 2]
    const at = PREFIX_WORDS * source
    if (length >= PREFIX_BYTES) {
      prefixes[at] = view.getInt32(node + 4, false) ^ SIGN
      prefixes[at + 1] = view.getInt32(node + 8, false) ^ SIGN
      prefixes[at + 2] = view.getInt32(node + 12, false) ^ SIGN
      prefixes[at + 3] = view.getInt32(node + 16, false) ^ SIGN
      return
    }
    for (let word = 0; word < PREFIX_WORDS; word++) {
      let prefix = 0
      for (let i = 4 * word; i < 4 * word + 4; i++)
        prefix = (prefix << 8) | (i < length ? u8[node + 4 + i] : 0)
      prefixes[at + word] = prefix ^ SIGN
    }
  }

  /** Whether the entry of a source comes before that of another: user key ascending, seqno descending. */
  function comesFirst(a, b) {
    const p = PREFIX_WORDS * a
    const q = PREFIX_WORDS * b
    for (let word = 0; word < PREFIX_WORDS; word++) {
      const x = prefixes[p + word]
      const y = prefixes[q + word]
      if (x !== y) return x < y
    }
    const x = nodes[a]
    const y = nodes[b]
    const order = compareBytes(x + 4, i32[x >>> 2], y + 4, i32[y >>> 2])
    return order !== 0 ? order < 0 : seqnoOf(x) > seqnoOf(y)
  }

  function push(source) {
    let at = heapCount++
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!comesFirst(source, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = source
    runnerUp = 0
  }

  /** Puts a source where it belongs below the hole at `at`. */
  function sink(source, at) {
    for (;;) {
      let child = 2 * at + 1
      if (child >= heapCount) break
      if (child + 1 < heapCount && comesFirst(heap[child + 1], heap[child])) child++
      if (comesFirst(source, heap[child])) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = source
  }

  function pop() {
    heapCount--
    runnerUp = 0
    if (heapCount > 0) sink(heap[heapCount], 0)
  }

  /** Restores the order after the top has moved. */
  function settle() {
    if (heapCount === 1) return
    if (runnerUp === 0) runnerUp = heapCount > 2 && comesFirst(heap[2], heap[1]) ? 2 : 1
    const top = heap[0]
    const second = heap[runnerUp]
    if (comesFirst(top, second)) return
    heap[0] = second
    sink(top, runnerUp)
    runnerUp = 0
  }

  function sameUserKey(a, b) {
    const length = i32[a >>> 2]
    return length === i32[b >>> 2] && equalBytes(a + 4, b + 4, length)
  }

  /** Entries go to `chunk` until it is full or there are none. @returns how many; `chunkLength` their bytes */
  function fill(chunk, capacity) {
    let count = 0
    let length = 0
    while (heapCount > 0) {
      const source = heap[0]
      const node = nodes[source]
      if ((current === 0 || !sameUserKey(node, current)) && seqnoOf(node) < READ_SEQNO) {
        const keyLength = i32[node >>> 2]
        const tail = tailOf(node)
        const type = i32[tail] & 255
        if (type === TYPE_VALUE) {
          const valueLength = i32[tail + 3]
          const size = (CHUNK_HEADER_BYTES + 3 + keyLength + valueLength) & ~3
          if (length + size > capacity && count > 0) break
          const at = (chunk + length) >>> 2
          // The padding first; what is not padding is written over.
          i32[at + (size >>> 2) - 1] = 0
          i32[at] = valueLength
          i32[at + 1] = keyLength | (type << 16)
          copyBytes(chunk + length + CHUNK_HEADER_BYTES, node + 4, keyLength)
          copyBytes(chunk + length + CHUNK_HEADER_BYTES + keyLength, i32[tail + 2], valueLength)
          length += size
          count++
        }
        current = node
      }
      const next = i32[(node >>> 2) - 1]
      if (next === 0) {
        pop()
      } else {
        stand(source, next)
        settle()
      }
    }
    chunkLength = length
    return count
  }

  let chunkLength = 0

  function mergePrepare(keys, keyLength, values, valueLength, count, numbers, memtableCount) {
    runs = memtableCount
    for (let run = 0; run < runs; run++) memtables[run] = createMemtable()
    for (let i = 0; i < count; i++) {
      const value = values + (i & VALUES_MASK) * valueLength
      insert(memtables[u8[numbers + i]], keys + i * keyLength, keyLength, i + 1, value, valueLength)
    }
    return count
  }

  function mergeRuns(_slot, chunk, capacity) {
    heapCount = 0
    current = 0
    for (let run = 0; run < runs; run++) {
      const node = first(memtables[run])
      if (node === 0) continue
      stand(run, node)
      push(run)
    }
    let sum = 0
    while (heapCount > 0) sum += fill(chunk, capacity) + chunkLength
    return sum
  }

  return { mergePrepare, mergeRuns }
}
