import { createMemtables } from './memtable.mjs'

/** There are as many values; they are taken in turn. */
const VALUES_MASK = 1023
/** Above every seqno: stands before every version of a key. */
const SEQNO_LIMIT = 2 ** 53

/** Twins of what bench/micro/kernel/memtables.ts measures. */
export function createMemtableLoops(memory) {
  const { i32 } = memory
  const { createMemtable, freeMemtables, insert, entries, seek, first, tailOf, seqnoOf } =
    createMemtables(memory)
  let memtable = 0

  function memtableFill(keys, keyLength, values, valueLength, count) {
    freeMemtables()
    memtable = createMemtable()
    for (let i = 0; i < count; i++) {
      const value = values + (i & VALUES_MASK) * valueLength
      insert(memtable, keys + i * keyLength, keyLength, i + 1, value, valueLength)
    }
    return entries(memtable)
  }

  function memtableSeek(keys, keyLength, count) {
    let sum = 0
    for (let i = 0; i < count; i++) {
      const node = seek(memtable, keys + i * keyLength, keyLength, SEQNO_LIMIT)
      if (node !== 0) sum = (sum + seqnoOf(node)) | 0
    }
    return sum >>> 0
  }

  function memtableScan() {
    let sum = 0
    for (let node = first(memtable); node !== 0; node = i32[(node >>> 2) - 1]) {
      const lengths = i32[node >>> 2] + i32[tailOf(node) + 3]
      sum = (Math.imul(sum, 31) + lengths + seqnoOf(node)) | 0
    }
    return sum >>> 0
  }

  return { memtableFill, memtableSeek, memtableScan }
}
