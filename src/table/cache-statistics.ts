import {
  BLOCK_DATA,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  CACHE_LIMIT_PAGES,
  CACHE_PAGES,
  CACHE_SHARDS,
  CACHE_SHARD_COUNT,
  CONTROL_CACHE,
  PAGE_BYTES,
  SHARD_BLOCKS,
  SHARD_BYTES,
  SHARD_EVICTIONS,
  SHARD_RETURNS,
  SLOTS,
  SLOT_BYTES,
  SLOT_CACHE_HITS,
  SLOT_CACHE_MISSES,
  SLOT_COUNT,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** Blocks of one kind that reads found in the cache, and that had to be read from a file. */
export interface CacheCounts {
  hits: number
  misses: number
}

export interface CacheStats {
  /** Memory it holds now, and may hold when nobody else needs it. */
  bytes: number
  limitBytes: number
  blocks: number
  /** Blocks dropped since the database was opened, and loaded again soon after that. */
  evictions: number
  returns: number
  data: CacheCounts
  /** Index and root index blocks; those that stay in memory, whole or as fences, are not looked for here. */
  index: CacheCounts
  filter: CacheCounts
}

/** Reads the counters of the block cache; other threads go on counting meanwhile. */
export function cacheStatistics(kernel: Kernel): CacheStats {
  const { u32, view } = kernel
  const word = (offset: number): number => u32[(CONTROL_CACHE + offset) >>> 2] as number
  const shards = (offset: number): number => {
    let sum = 0
    for (let i = 0; i < word(CACHE_SHARD_COUNT); i++) sum += word(CACHE_SHARDS + i * SHARD_BYTES + offset)
    return sum
  }
  const counter = (offset: number, kinds: readonly number[]): number => {
    let sum = 0
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const at = SLOTS + slot * SLOT_BYTES + offset
      for (const kind of kinds) sum += Number(view.getBigUint64(at + 8 * kind, true))
    }
    return sum
  }
  const counts = (...kinds: number[]): CacheCounts => ({
    hits: counter(SLOT_CACHE_HITS, kinds),
    misses: counter(SLOT_CACHE_MISSES, kinds),
  })
  return {
    bytes: word(CACHE_PAGES) * PAGE_BYTES,
    limitBytes: word(CACHE_LIMIT_PAGES) * PAGE_BYTES,
    blocks: shards(SHARD_BLOCKS),
    evictions: shards(SHARD_EVICTIONS),
    returns: shards(SHARD_RETURNS),
    data: counts(BLOCK_DATA),
    index: counts(BLOCK_INDEX, BLOCK_ROOT_INDEX),
    filter: counts(BLOCK_FILTER),
  }
}
