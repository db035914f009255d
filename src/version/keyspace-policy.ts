/** How a keyspace's tables are written and merged; fixed in the manifest, and changed by an edit. */

export type CompressionName = 'none' | 'lz4'

export interface KeyspacePolicy {
  readonly strategy: 'leveled' | 'fifo'
  /** FIFO: the oldest tables go when all take more than this; 0: never. */
  readonly sizeLimitBytes: number
  /** FIFO: tables go when they are so old; 0: never. */
  readonly ttlMs: number
  /**
   * By level, the last one for all below: first of tables as they are flushed, then of the base level, and so on. Size at which a data block ends; entries between
   * two restart points; compression; bits of the filter for each key, 0: no filter.
   */
  readonly blockBytes: readonly number[]
  readonly restartIntervals: readonly number[]
  readonly compressions: readonly CompressionName[]
  readonly bitsPerKey: readonly number[]
}

export const DEFAULT_POLICY: KeyspacePolicy = {
  strategy: 'leveled',
  sizeLimitBytes: 0,
  ttlMs: 0,
  blockBytes: [4096],
  restartIntervals: [4],
  compressions: ['none', 'none', 'lz4'],
  bitsPerKey: [10],
}

/** Levels of a keyspace. Level 0 has the runs that were flushed; each one below has a single run. */
export const LEVELS = 7
const BLOCK_BYTES_MIN = 256
const BLOCK_BYTES_MAX = 65_536
const RESTART_INTERVAL_MAX = 255
const BITS_PER_KEY_MAX = 40

/** What a policy says of one level. */
export function atLevel<T>(list: readonly T[], level: number): T {
  return list[Math.min(level, list.length - 1)] as T
}

/** @returns why a policy cannot be, in words that name the option; undefined if it can */
export function policyProblem(policy: KeyspacePolicy): string | undefined {
  const { sizeLimitBytes, ttlMs, blockBytes, restartIntervals, compressions, bitsPerKey } = policy
  for (const [name, list] of Object.entries({ blockBytes, restartIntervals, compressions, bitsPerKey })) {
    if (list.length < 1 || list.length > LEVELS) return `${name} must have 1 to ${LEVELS} values`
  }
  const isWhole = (value: number, min: number, max: number): boolean =>
    Number.isSafeInteger(value) && value >= min && value <= max
  if (!isWhole(sizeLimitBytes, 0, Number.MAX_SAFE_INTEGER))
    return 'sizeLimitBytes must be a whole number from 0'
  if (!isWhole(ttlMs, 0, Number.MAX_SAFE_INTEGER)) return 'ttlMs must be a whole number from 0'
  if (!blockBytes.every((value) => isWhole(value, BLOCK_BYTES_MIN, BLOCK_BYTES_MAX)))
    return `blockBytes must be whole numbers from ${BLOCK_BYTES_MIN} to ${BLOCK_BYTES_MAX}`
  if (!restartIntervals.every((value) => isWhole(value, 1, RESTART_INTERVAL_MAX)))
    return `restartIntervals must be whole numbers from 1 to ${RESTART_INTERVAL_MAX}`
  if (!bitsPerKey.every((value) => value === 0 || isWhole(value, 1, BITS_PER_KEY_MAX)))
    return `bitsPerKey must be whole numbers from 1 to ${BITS_PER_KEY_MAX}, or 0`
  return undefined
}

export function samePolicy(a: KeyspacePolicy, b: KeyspacePolicy): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
