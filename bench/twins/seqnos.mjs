/**
 * Twins of the atomic maximum in assembly/memory/bytes.ts. `words` is a BigUint64Array on shared memory: seqnos have 53 bits, and JavaScript has no other atomic
 * access to more than 32.
 */
export function createSeqnos(words) {
  function atomicMax(cell, seqno) {
    let seen = Atomics.load(words, cell)
    while (seen < seqno && Atomics.compareExchange(words, cell, seen, seqno) !== seen)
      seen = Atomics.load(words, cell)
  }

  function resetSeqno(cell) {
    Atomics.store(words, cell >>> 3, 0n)
    return 0
  }

  function raiseSeqno(cell, first, step, count) {
    for (let i = 0, seqno = first; i < count; i++, seqno += step) atomicMax(cell >>> 3, BigInt(seqno))
    return Number(Atomics.load(words, cell >>> 3))
  }

  return { resetSeqno, raiseSeqno }
}
