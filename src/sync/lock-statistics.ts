/** How much a lock was waited for, by all threads since the memory was made. */
export interface LockStatistics {
  /** Acquisitions that found the lock taken, those that gave up included. */
  readonly waits: number
  readonly waitedMicroseconds: number
}

//   u32 waits | u32 zero | u64 microseconds waited
const WAITS = 0
const WAITED_MICROSECONDS = 8

/** `offset`: of the statistics, a multiple of 8. */
export function addWait(words: Int32Array, longs: BigInt64Array, offset: number, microseconds: number): void {
  Atomics.add(words, (offset + WAITS) >>> 2, 1)
  Atomics.add(longs, (offset + WAITED_MICROSECONDS) >>> 3, BigInt(microseconds))
}

export function readStatistics(words: Int32Array, longs: BigInt64Array, offset: number): LockStatistics {
  return {
    waits: Atomics.load(words, (offset + WAITS) >>> 2) >>> 0,
    waitedMicroseconds: Number(Atomics.load(longs, (offset + WAITED_MICROSECONDS) >>> 3)),
  }
}
