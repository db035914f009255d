/**
 * What the merge tests share: sources filled with given entries, the obvious oracle, and a driver that scans the way the
 * engine does, but as unkindly as the contract allows.
 */
import {
  BOUND_AFTER,
  BOUND_BEFORE,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  CHUNK_VALUE_LENGTH,
  ENTRY_HEADER_BYTES,
  INPUT_SECOND,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_INPUT,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  SUPERVERSION_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MEMTABLES,
  TYPE_EXTENT,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { type Block, compareEntries, compareKeys, type Entry } from './merge-blocks.ts'
import { StoredRuns, type RunShape } from './stored-run.ts'
import type { BareKernel } from './support.ts'

export interface Bound {
  key: Uint8Array
  bound: number
}

export interface Scan {
  seqno: number
  reverse: boolean
  begin: Bound | undefined
  end: Bound | undefined
  limit: number
  capacity: number
  keysOnly: boolean
  /** After a full chunk: begin a new merge behind the last key. */
  restart: boolean
  /** The cache loses all it can whenever a block is loaded. */
  crowded: boolean
  /** Where a block is missing: ends the merge, and begins a new one where it had come to. Nothing is in the cache at first. */
  cut: boolean
}

/** Written over chunks that were handed out; keys are full of it, so that a stale pointer finds another key there. */
export const SHRED = 0xee

// ── sources ──────────────────────────────────────────────────────────────────────────────────────────────

export class Sources {
  readonly kernel: BareKernel
  readonly memtables: number[] = []
  readonly runs: StoredRuns
  readonly superVersion: number
  /** Chunks of the last scan. */
  chunks = 0
  readonly #pages: number[] = []
  readonly #chunks: [number, number]

  constructor(kernel: BareKernel) {
    this.kernel = kernel
    this.superVersion = kernel.x.allocateRecord(SUPERVERSION_BYTES) >>> 0
    this.runs = new StoredRuns(kernel)
    this.#chunks = [this.#page(), this.#page()]
  }

  #page(): number {
    const page = this.kernel.x.allocatePage() >>> 0
    if (page === 0) throw new Error('out of pages')
    this.#pages.push(page)
    return page
  }

  addMemtable(entries: Entry[]): void {
    const { x, slot, u8, view } = this.kernel
    const memtable = x.createMemtable() >>> 0
    const page = x.allocatePage() >>> 0
    for (const { key, seqno, type, value } of entries) {
      x.setGroup(slot, seqno, 1)
      u8.set(key, page + ENTRY_HEADER_BYTES)
      let status
      if (type === TYPE_EXTENT) {
        const chain = x.allocateChain(value.length) >>> 0
        let at = 0
        for (let link = chain; link !== 0; link = view.getUint32(link + CHAIN_NEXT, true)) {
          const length = view.getUint32(link + CHAIN_LENGTH, true)
          u8.set(value.subarray(at, at + length), link + CHAIN_DATA)
          at += length
        }
        status = x.applyLarge(slot, memtable, page + ENTRY_HEADER_BYTES, key.length, chain, value.length)
      } else {
        view.setUint32(page, value.length, true)
        view.setUint16(page + 4, key.length, true)
        view.setUint16(page + 6, type, true)
        view.setUint32(page + 8, 0, true)
        u8.set(value, page + ENTRY_HEADER_BYTES + key.length)
        const end = page + ENTRY_HEADER_BYTES + key.length + value.length
        status = x.applyEntries(slot, memtable, page, end, 0, 0)
      }
      if (status !== STATUS_OK) throw new Error(`insert: ${status}`)
    }
    x.freePage(page)
    view.setUint32(this.superVersion + SUPERVERSION_MEMTABLES + 4 * this.memtables.length, memtable, true)
    this.memtables.push(memtable)
    view.setUint32(this.superVersion + SUPERVERSION_COUNT, this.memtables.length, true)
  }

  /** Adds a run, older than all others. */
  addRun(blocks: Block[], shape: RunShape): void {
    this.runs.add(blocks, shape)
  }

  /** To be called when all sources are there. */
  install(): void {
    this.runs.install(this.superVersion)
  }

  /** Drops everything from the cache that nobody has pinned, and writes over it. */
  crowd(): void {
    const { x, u8 } = this.kernel
    x.cacheShrink(0xffff)
    const pages: number[] = []
    while (pages.length < 40) {
      const page = x.allocatePage() >>> 0
      if (page === 0) break
      u8.fill(SHRED, page, page + PAGE_BYTES)
      pages.push(page)
    }
    for (const page of pages) x.freePage(page)
  }

  free(): void {
    for (const memtable of this.memtables) this.kernel.x.freeMemtable(memtable)
    for (const page of this.#pages) this.kernel.x.freePage(page)
    this.runs.free()
    this.kernel.x.freeRecord(this.superVersion, SUPERVERSION_BYTES)
  }

  /** Runs a scan to its end. @returns its entries; those of TYPE_EXTENT as they came (chunk value part). */
  scan(scan: Scan): Entry[] {
    const found: Entry[] = []
    if (scan.cut) this.kernel.x.cacheShrink(0xffff)
    let merge = new Merge(this, scan, scan.begin, false)
    try {
      for (let turn = 0; ; turn++) {
        // INVARIANT: a full chunk is the caller's: shred it, with what the merge left behind it, and go on in another page.
        const chunk = this.#chunks[turn & 1] as number
        const { status, entries } = merge.fill(chunk)
        this.chunks = turn + 1
        const used = word(this.kernel, SLOT_LENGTH) + 4096
        this.kernel.u8.fill(SHRED, chunk, chunk + Math.min(used, PAGE_BYTES))
        found.push(...entries)
        if (status === STATUS_NEED_BLOCK) {
          merge.end()
          merge = new Merge(this, scan, merge.comeTo, true)
          continue
        }
        if (status === STATUS_DONE) {
          if (merge.fill(chunk).entries.length !== 0) throw new Error('entries after DONE')
          return found
        }
        const last = entries.at(-1)
        if (last === undefined) throw new Error('a full chunk without entries')
        if (scan.restart || scan.cut) {
          merge.end()
          const begin = { key: last.key, bound: scan.reverse ? BOUND_BEFORE : BOUND_AFTER }
          merge = new Merge(this, scan, begin, true)
        }
      }
    } finally {
      merge.end()
    }
  }
}

/** One merge of a scan: loads the blocks it asks for and reads its chunks. */
class Merge {
  readonly #sources: Sources
  readonly #scan: Scan
  /** Where another merge goes on after NEED_BLOCK. */
  comeTo: Bound | undefined

  constructor(sources: Sources, scan: Scan, begin: Bound | undefined, continues: boolean) {
    this.#sources = sources
    this.#scan = scan
    this.comeTo = begin
    const { x, slot, u8 } = sources.kernel
    const input = word(sources.kernel, SLOT_INPUT)
    if (begin) u8.set(begin.key, input)
    const status = x.mergeBegin(
      slot,
      sources.superVersion,
      scan.seqno,
      scan.reverse ? 1 : 0,
      input,
      begin?.key.length ?? -1,
      begin?.bound ?? 0,
      continues ? 1 : 0,
    )
    if (status !== STATUS_OK) throw new Error('too many sources')
  }

  fill(chunk: number): { status: number; entries: Entry[] } {
    const { kernel, runs } = this.#sources
    const { x, slot, u8 } = kernel
    const { end, capacity, limit, keysOnly } = this.#scan
    const endKey = word(kernel, SLOT_INPUT) + INPUT_SECOND
    if (end) u8.set(end.key, endKey)
    for (;;) {
      const endLength = end?.key.length ?? -1
      const status = x.mergeFill(
        slot,
        chunk,
        capacity,
        limit,
        keysOnly ? 1 : 0,
        endKey,
        endLength,
        end?.bound ?? 0,
      )
      if (status === STATUS_NEED_BLOCK && this.#scan.cut) {
        const count = x.mergeCut(slot)
        const entries = count === 0 ? [] : readEntries(kernel, chunk, (_at, read) => read.length < count)
        const last = entries.at(-1)
        if (last !== undefined) {
          this.comeTo = { key: last.key, bound: this.#scan.reverse ? BOUND_BEFORE : BOUND_AFTER }
          return { status, entries }
        }
        runs.loadNeeded()
        if (x.mergeKey(slot)) {
          const key = word(kernel, SLOT_POINTER)
          this.comeTo = { key: u8.slice(key, key + word(kernel, SLOT_LENGTH)), bound: BOUND_AFTER }
        }
        return { status, entries }
      }
      if (status === STATUS_NEED_BLOCK) {
        if (this.#scan.crowded) this.#sources.crowd()
        runs.loadNeeded()
        continue
      }
      const entries = readChunk(kernel, chunk)
      if (status !== STATUS_FULL && status !== STATUS_DONE) throw new Error(`mergeFill: ${status}`)
      const length = word(kernel, SLOT_LENGTH)
      if (length > capacity && entries.length > 1) throw new Error('more than the capacity')
      if (entries.length > limit) throw new Error('more than the limit')
      entries.forEach(({ type }, i) => {
        if (type !== TYPE_EXTENT || keysOnly) return
        if (i !== entries.length - 1 || status !== STATUS_FULL) throw new Error('an extent inside a chunk')
      })
      return { status, entries }
    }
  }

  end(): void {
    const { x, slot } = this.#sources.kernel
    x.mergeEnd(slot)
  }
}

function word({ view, slot }: BareKernel, offset: number): number {
  return view.getUint32(slot + offset, true)
}

/** The entries the last mergeFill left in the chunk; checks its form. */
function readChunk(kernel: BareKernel, chunk: number): Entry[] {
  const end = chunk + word(kernel, SLOT_LENGTH)
  return readEntries(kernel, chunk, (at) => {
    if (at > end) throw new Error('a chunk entry is cut off')
    return at < end
  })
}

function readEntries(
  kernel: BareKernel,
  chunk: number,
  isMore: (at: number, read: readonly Entry[]) => boolean,
): Entry[] {
  const { u8, view } = kernel
  const entries: Entry[] = []
  let last = chunk
  let at = chunk
  while (isMore(at, entries)) {
    last = at
    const valueLength = view.getUint32(at + CHUNK_VALUE_LENGTH, true)
    const key = at + CHUNK_ENTRY_HEADER_BYTES
    const value = key + view.getUint16(at + CHUNK_KEY_LENGTH, true)
    if (u8[at + 7] !== 0) throw new Error('byte 7 is not zero')
    entries.push({
      key: u8.slice(key, value),
      seqno: 0,
      type: u8[at + CHUNK_TYPE] as number,
      value: u8.slice(value, value + valueLength),
    })
    at = value + valueLength
    for (; at % 4 !== 0; at++) if (u8[at] !== 0) throw new Error('padding is not zero')
  }
  if (entries.length !== word(kernel, SLOT_COUNT_RESULT)) throw new Error('wrong count')
  if (last - chunk !== word(kernel, SLOT_POSITION)) throw new Error('wrong position of the last entry')
  return entries
}

// ── oracle ───────────────────────────────────────────────────────────────────────────────────────────────

/** What a scan must find: newest visible version per user key, no tombstones, between the bounds. */
export function expected(all: Entry[], { seqno, reverse, begin, end }: Scan): Entry[] {
  const isAtOrAfter = (key: Uint8Array, bound: Bound) =>
    compareKeys(key, bound.key) >= (bound.bound === BOUND_AFTER ? 1 : 0)
  const newest = new Map<string, Entry>()
  for (const entry of [...all].sort(compareEntries)) {
    const name = Buffer.from(entry.key).toString('hex')
    if (entry.seqno < seqno && !newest.has(name)) newest.set(name, entry)
  }
  const [from, to] = reverse ? [end, begin] : [begin, end]
  const found = [...newest.values()].filter(
    ({ key, type }) =>
      (type === TYPE_VALUE || type === TYPE_EXTENT) &&
      (!from || isAtOrAfter(key, from)) &&
      (!to || !isAtOrAfter(key, to)),
  )
  return reverse ? found.reverse() : found
}
