import {
  CACHE_PAGES,
  CACHE_PINS,
  CACHE_SHARDS,
  CACHE_TABLES,
  CONTROL_CACHE,
  CONTROL_SEED,
  PAGE_BYTES,
  SHARD_BLOCKS,
} from '../../../assembly/memory/layout.ts'
import type { KernelWorld } from './kernel-world.ts'
import { expectThat } from './violation.ts'

// Words as assembly/cache draws them: of the (only) shard, of a page, of a frame, of the tables.
export const SHARD: number = CONTROL_CACHE + CACHE_SHARDS
const SMALL = 4
const MAIN = 12
const NEWEST = 4
const SMALL_PAGES = 20
const MAIN_PAGES = 24
const PAGE_NEXT = 0
const PAGE_USED = 4
const PAGE_FRAMES = 32
const FRAME_NEXT = 0
const FRAME_ORDINAL = 4
const FRAME_OFFSET = 8
const FRAME_SIZE = 24
const FRAME_HEADER_BYTES = 32
const TABLES_BUCKETS = 16
const BUCKETS = 32768

export interface CacheState {
  /** Pages of both queues, oldest first. */
  readonly pages: readonly number[]
  /** `ordinal:offset` of the blocks in them. */
  readonly blocks: ReadonlySet<string>
  readonly pins: number
}

/** Where chains of a block's bucket begin (buckets.ts), if there is one page of buckets. */
export function bucketOf(world: KernelWorld, ordinal: number, offset: number): number {
  const long = (x: bigint): bigint => BigInt.asUintN(64, x)
  const seed = (BigInt(world.word(CONTROL_SEED + 4)) << 32n) | BigInt(world.word(CONTROL_SEED))
  const name = BigInt(offset) ^ (BigInt(ordinal) << 40n) ^ BigInt(ordinal >>> 8)
  let x = long((name ^ seed) * 0x9e3779b97f4a7c15n)
  x ^= x >> 32n
  x = long(x * 0xd6e8feb86659fd93n)
  x ^= x >> 32n
  const page = world.word(world.word(CONTROL_CACHE + CACHE_TABLES) + TABLES_BUCKETS)
  return page + 4 * Number(x & BigInt(BUCKETS - 1))
}

/**
 * Walks queues, pages and frames of a cache with one shard that nobody is working on.
 * @throws Violation if they do not fit together: every frame is in its bucket's chain, every page in one queue, and all are counted
 */
export function readCache(
  world: KernelWorld,
  bucket: (ordinal: number, offset: number) => number,
): CacheState {
  const pages: number[] = []
  const frames = new Map<number, string>()
  let pins = 0
  const counts = [
    [SMALL, SMALL_PAGES],
    [MAIN, MAIN_PAGES],
  ] as const
  for (const [queue, count] of counts) {
    let last = 0
    let length = 0
    for (let page = world.word(SHARD + queue); page !== 0; page = world.word(page + PAGE_NEXT)) {
      const at = page
      expectThat(
        at % PAGE_BYTES === 0 && at < world.u8.length && !pages.includes(at),
        () => `page ${at} of a queue`,
      )
      pages.push(at)
      pins += world.word(world.word(CONTROL_CACHE + CACHE_PINS) + 4 * (at / PAGE_BYTES))
      readFrames(world, at, frames)
      last = at
      length++
    }
    expectThat(
      world.word(SHARD + queue + NEWEST) === last,
      () => 'the newest page is not the last of its queue',
    )
    expectThat(
      world.word(SHARD + count) === length,
      () => `a queue of ${length} pages counts ${world.word(SHARD + count)}`,
    )
  }
  expectThat(
    world.word(CONTROL_CACHE + CACHE_PAGES) === pages.length,
    () => `the cache has ${pages.length} pages and counts ${world.word(CONTROL_CACHE + CACHE_PAGES)}`,
  )
  expectThat(
    world.word(SHARD + SHARD_BLOCKS) === frames.size,
    () => `the cache has ${frames.size} blocks and counts ${world.word(SHARD + SHARD_BLOCKS)}`,
  )
  const blocks = new Set(frames.values())
  expectThat(blocks.size === frames.size, () => 'a block is in the cache twice')
  for (const [frame, name] of frames) {
    const [ordinal = 0, offset = 0] = name.split(':').map(Number)
    let found = world.word(bucket(ordinal, offset))
    for (let steps = 0; found !== 0 && found !== frame && steps <= frames.size; steps++)
      found = world.word(found + FRAME_NEXT)
    expectThat(found === frame, () => `block ${name} is not in its bucket`)
  }
  return { pages, blocks, pins }
}

function readFrames(world: KernelWorld, page: number, frames: Map<number, string>): void {
  const end = page + world.word(page + PAGE_USED)
  let room = page + PAGE_FRAMES
  while (room < end) {
    const size = world.word(room)
    expectThat(size > 0 && size < PAGE_BYTES, () => `a frame of ${size} bytes`)
    const frame = room + size - FRAME_HEADER_BYTES
    expectThat(world.word(frame + FRAME_SIZE) === size, () => 'a frame does not fill its room')
    frames.set(frame, `${world.word(frame + FRAME_ORDINAL)}:${world.long(frame + FRAME_OFFSET)}`)
    room += size
  }
  expectThat(room === end, () => 'the frames of a page do not end where it does')
}
