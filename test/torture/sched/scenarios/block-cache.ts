/** One shard of the block cache: what is pinned stays as it is, no block is there twice, no page is lost, whoever inserts, evicts and shrinks meanwhile. */
import {
  BLOCK_DATA,
  CONTROL_FREE_PAGES,
  PAGE_BYTES,
  TABLE_BYTES,
  TABLE_ORDINAL,
} from '../../../../assembly/memory/layout.ts'
import { bucketOf, readCache, SHARD } from '../cache-reader.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { expectThat } from '../violation.ts'

/** `read a`: finds and pins a, looks, lets go; `use a`: the same, inserting it first if it is not there; `insert a`; `holds a`; `shrink`. */
export type CacheMove = `read ${string}` | `use ${string}` | `insert ${string}` | `holds ${string}` | 'shrink'

export interface CacheSetup {
  /**
   * Blocks that are there at first, each in a page of its own that is full; in capitals those that were read since they came, so that they
   * stay when their page is emptied.
   */
  readonly blocks: string
  readonly limit: number
  readonly threads: readonly (readonly CacheMove[])[]
  /** Pages that are free at first: the cache leaves 16 alone. */
  readonly free?: number
}

/** All blocks are of one table. */
const ORDINAL = 7
const PAYLOAD_BYTES = 48
// Words of a frame, as cache-page.ts draws it.
const FRAME_OFFSET = 8
const FRAME_LENGTH = 16
const FRAME_PAYLOAD: number = -PAYLOAD_BYTES
/** A frame's bytes beside its payload. */
const FRAME_MORE_BYTES = 48
/** With a small block before it, leaves no room in a page. */
const FILLER_BYTES: number = PAGE_BYTES - 32 - (FRAME_MORE_BYTES + PAYLOAD_BYTES) - FRAME_MORE_BYTES - 16

export class BlockCacheScene implements Scene {
  readonly world: KernelWorld
  readonly threads: readonly (readonly Step[])[]
  readonly #table: number
  readonly #slots: readonly number[]
  readonly #payloads: number
  readonly #buckets = new Map<number, number>()
  readonly #pagesInAll: number

  constructor({ blocks, limit, threads, free = 17 }: CacheSetup) {
    // Page 0, two of each slot, table, payloads, buckets, ghosts, pins, record; then what the cache has and what is free.
    const pages = 1 + 2 * threads.length + 1 + 1 + 4 + blocks.length + free
    this.world = new KernelWorld(pages)
    const { shipped, inner, u8 } = this.world
    this.#slots = threads.map((_, i) => shipped.attachSlot(i) >>> 0)
    this.#table = shipped.allocateRecord(TABLE_BYTES) >>> 0
    this.world.setWord(this.#table + TABLE_ORDINAL, ORDINAL)
    this.#payloads = shipped.allocatePage() >>> 0
    if (shipped.cacheCreate(limit, 1) === 0) throw new Error('no pages for the cache')
    for (const name of blocks) {
      const block = name.toLowerCase()
      const frame = this.#insertNow(block, PAYLOAD_BYTES)
      const filler = this.#insertNow(`${block}'`, FILLER_BYTES)
      inner.frameUnpin(frame)
      inner.frameUnpin(filler)
      // The first fetch is what it was loaded for.
      for (let i = 0; name !== block && i < 2; i++) {
        inner.frameUnpin(inner.cacheFind(this.#slot(0), this.#table, BigInt(offsetOf(block)), BLOCK_DATA, 1))
      }
    }
    for (const move of threads.flat()) {
      const name = move.split(' ')[1] ?? ''
      if (name !== '') u8.fill(byteOf(name), this.#payload(name), this.#payload(name) + PAYLOAD_BYTES)
    }
    this.#pagesInAll = this.world.word(CONTROL_FREE_PAGES) + blocks.length
    this.threads = threads.map((moves, thread) =>
      moves.flatMap((move) => this.#steps(move, this.#slot(thread))),
    )
  }

  check(end: End): void {
    // NOTE: who died with the lock may have left anything behind it; that is what the lock is for.
    if (this.#isLocked()) {
      expectThat(end.dead >= 0, () => 'the shard stays locked')
      return
    }
    const { pages, pins } = readCache(this.world, (ordinal, offset) => this.#bucket(ordinal, offset))
    expectThat(pins === 0 || (end.dead >= 0 && pins === 1), () => `${pins} pins are left`)
    const counted = this.world.word(CONTROL_FREE_PAGES) + pages.length
    expectThat(
      counted === this.#pagesInAll,
      () => `${counted} pages are free or in the cache, of ${this.#pagesInAll}`,
    )
  }

  /** The others spin for as long as the shard is locked. */
  stuck(): void {
    expectThat(this.#isLocked(), () => 'threads wait for a shard that is not locked')
  }

  #isLocked(): boolean {
    return this.world.word(SHARD) !== 0
  }

  #bucket(ordinal: number, offset: number): number {
    let at = this.#buckets.get(offset)
    if (at === undefined) this.#buckets.set(offset, (at = bucketOf(this.world, ordinal, offset)))
    return at
  }

  #slot(thread: number): number {
    return this.#slots[thread] as number
  }

  #payload(name: string): number {
    return this.#payloads + PAYLOAD_BYTES * (name.charCodeAt(0) - 96)
  }

  #insertNow(name: string, length: number): number {
    const { inner, u8 } = this.world
    const payload = this.#payloads
    u8.fill(byteOf(name), payload, payload + Math.min(length, PAYLOAD_BYTES))
    const frame = inner.cacheInsert(this.#table, BigInt(offsetOf(name)), BLOCK_DATA, payload, length)
    if (frame === 0) throw new Error(`no page for block ${name}`)
    return frame
  }

  #steps(move: CacheMove, slot: number): Step[] {
    const [kind, name = 'a'] = move.split(' ')
    const offset = BigInt(offsetOf(name))
    const table = this.#table
    let frame = 0
    const pinned = (result: number): void => {
      frame = result >>> 0
      if (frame !== 0) this.#expectContent(frame, name)
    }
    const find: Step = { call: (x) => x.cacheFind(slot, table, offset, BLOCK_DATA, 1), done: pinned }
    const insert: Step = {
      when: () => kind === 'insert' || frame === 0,
      call: (x) => x.cacheInsert(table, offset, BLOCK_DATA, this.#payload(name), PAYLOAD_BYTES),
      done: pinned,
    }
    // Others have had their turn before it looks again.
    const look: Step = {
      when: () => frame !== 0,
      call: (x) => x.loadWord(frame + FRAME_PAYLOAD),
      done: () => this.#expectContent(frame, name),
    }
    const unpin: Step = { when: () => frame !== 0, call: (x) => x.frameUnpin(frame) }
    switch (kind) {
      case 'read':
        return [find, look, unpin]
      case 'use':
        return [find, insert, look, unpin]
      case 'insert':
        return [insert, look, unpin]
      case 'holds':
        return [
          {
            call: (x) => x.cacheHolds(table, offset),
            done: (result) => expectThat(result <= 1, () => `holds: ${result}`),
          },
        ]
      default:
        return [
          {
            call: (x) => x.cacheShrink(1),
            done: (freed) => expectThat(freed <= 1, () => `${freed} pages were freed, not 1`),
          },
        ]
    }
  }

  #expectContent(frame: number, name: string): void {
    const { world } = this
    const { u8 } = world
    expectThat(frame > PAGE_BYTES && frame < u8.length - PAYLOAD_BYTES, () => `a frame at ${frame}`)
    const isIt =
      world.word(frame + FRAME_OFFSET) === offsetOf(name) &&
      world.word(frame + FRAME_LENGTH) === PAYLOAD_BYTES
    expectThat(isIt, () => `the frame of ${name} holds another block`)
    for (let i = 0; i < PAYLOAD_BYTES; i++) {
      expectThat(
        u8[frame + FRAME_PAYLOAD + i] === byteOf(name),
        () => `a pinned block ${name} holds other bytes`,
      )
    }
  }
}

function offsetOf(name: string): number {
  return (name.charCodeAt(0) - 96) * 8192 + (name.length - 1) * 4096
}

function byteOf(name: string): number {
  return name.charCodeAt(0)
}
