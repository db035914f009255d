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
  SLOT_POSITION,
  SLOT_SOURCE,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  SUPERVERSION_COUNT,
  SUPERVERSION_MEMTABLES,
  TYPE_EXTENT,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { type Block, compareEntries, compareKeys, type Entry } from './merge-blocks.ts'
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
  /** Blocks offered on the wrong side of the begin bound. */
  early: number
}

/** Written over chunks that were handed out; keys are full of it, so that a stale pointer finds another key there. */
export const SHRED = 0xee

// ── sources ──────────────────────────────────────────────────────────────────────────────────────────────

export class Sources {
  readonly kernel: BareKernel
  readonly memtables: number[] = []
  readonly tables: Block[][] = []
  readonly superVersion: number
  /** Chunks of the last scan. */
  chunks = 0
  /** By table: two pages for its blocks in turn. */
  readonly blockPages: [number, number][] = []
  readonly #pages: number[] = []
  readonly #chunks: [number, number]

  constructor(kernel: BareKernel) {
    this.kernel = kernel
    this.superVersion = kernel.x.allocateRecord() >>> 0
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

  addTable(blocks: Block[]): void {
    this.tables.push(blocks)
    this.blockPages.push([this.#page(), this.#page()])
  }

  free(): void {
    for (const memtable of this.memtables) this.kernel.x.freeMemtable(memtable)
    for (const page of this.#pages) this.kernel.x.freePage(page)
    this.kernel.x.freeRecord(this.superVersion)
  }

  /** Runs a scan to its end. @returns its entries; those of TYPE_EXTENT as they came (chunk value part). */
  scan(scan: Scan): Entry[] {
    const found: Entry[] = []
    let begin = scan.begin
    let merge = new Merge(this, scan, begin)
    for (let turn = 0; ; turn++) {
      // INVARIANT: a full chunk is the caller's: shred it, with what the merge left behind it, and go on in another page.
      const chunk = this.#chunks[turn & 1] as number
      const { status, entries } = merge.fill(chunk)
      this.chunks = turn + 1
      const used = word(this.kernel, SLOT_LENGTH) + 4096
      this.kernel.u8.fill(SHRED, chunk, chunk + Math.min(used, PAGE_BYTES))
      found.push(...entries)
      if (status === STATUS_DONE) {
        if (merge.fill(chunk).entries.length !== 0) throw new Error('entries after DONE')
        return found
      }
      const last = entries.at(-1)
      if (last === undefined) throw new Error('a full chunk without entries')
      if (scan.restart) {
        begin = { key: last.key, bound: scan.reverse ? BOUND_BEFORE : BOUND_AFTER }
        merge = new Merge(this, scan, begin)
      }
    }
  }
}

interface Table {
  blocks: Block[]
  next: number
  /** The block up to which the bound must be sought. */
  wanted: number
  /** Where blocks go in turn, and where the last one is. */
  pages: [number, number]
  given: number
  givenLength: number
}

/** One merge of a scan: hands it its blocks and reads its chunks. */
class Merge {
  readonly #sources: Sources
  readonly #scan: Scan
  /** By source number. */
  readonly #tables = new Map<number, Table>()

  constructor(sources: Sources, scan: Scan, begin: Bound | undefined) {
    this.#sources = sources
    this.#scan = scan
    const { x, slot, u8 } = sources.kernel
    const input = word(sources.kernel, SLOT_INPUT)
    if (begin) u8.set(begin.key, input)
    const length = begin?.key.length ?? -1
    x.mergeBegin(
      slot,
      sources.superVersion,
      scan.seqno,
      scan.reverse ? 1 : 0,
      input,
      length,
      begin?.bound ?? 0,
    )
    sources.tables.forEach((blocks, i) => {
      if (x.mergeAddTable(slot) !== STATUS_OK) throw new Error('too many sources')
      const wanted = wantedBlock(blocks, scan.reverse, begin)
      const first = scan.reverse
        ? Math.min(wanted + scan.early, blocks.length - 1)
        : Math.max(0, wanted - scan.early)
      const pages = sources.blockPages[i] as [number, number]
      const table = { blocks, next: first, wanted, pages, given: 0, givenLength: 0 }
      this.#tables.set(word(sources.kernel, SLOT_SOURCE), table)
    })
  }

  fill(chunk: number): { status: number; entries: Entry[] } {
    const { kernel } = this.#sources
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
      const entries = readChunk(kernel, chunk)
      if (status === STATUS_NEED_BLOCK) {
        this.#giveBlock(word(kernel, SLOT_SOURCE))
        continue
      }
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

  #giveBlock(number: number): void {
    const { x, slot, u8 } = this.#sources.kernel
    const table = this.#tables.get(number)
    if (!table) throw new Error(`no source ${number}`)
    const block = table.blocks[table.next]
    // What the merge was given before is gone from now on.
    u8.fill(SHRED, table.given, table.given + table.givenLength)
    if (!block) {
      x.mergeExhaust(slot, number)
      return
    }
    const page = table.pages[table.next & 1] as number
    const payload = page + PAGE_BYTES - block.payload.length
    u8.set(block.payload, payload)
    table.given = payload
    table.givenLength = block.payload.length
    const reverse = this.#scan.reverse
    const seek = reverse ? table.next >= table.wanted : table.next <= table.wanted
    x.mergeSetBlock(slot, number, payload, block.payload.length, seek ? 1 : 0)
    table.next += reverse ? -1 : 1
  }
}

/** The block in which an index says the bound lies (as indexSeek finds it). */
function wantedBlock(blocks: Block[], reverse: boolean, begin: Bound | undefined): number {
  if (!begin) return reverse ? blocks.length - 1 : 0
  const isBefore = ({ key }: Entry) => compareKeys(key, begin.key) < (begin.bound === BOUND_AFTER ? 1 : 0)
  if (reverse) return blocks.findLastIndex(({ entries }) => isBefore(entries[0] as Entry))
  const wanted = blocks.findIndex(({ entries }) => !isBefore(entries.at(-1)))
  return wanted === -1 ? blocks.length : wanted
}

function word({ view, slot }: BareKernel, offset: number): number {
  return view.getUint32(slot + offset, true)
}

/** The entries the last mergeFill left in the chunk; checks its form. */
function readChunk(kernel: BareKernel, chunk: number): Entry[] {
  const { u8, view } = kernel
  const end = chunk + word(kernel, SLOT_LENGTH)
  const entries: Entry[] = []
  let last = chunk
  let at = chunk
  while (at < end) {
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
  if (at !== end) throw new Error('a chunk entry is cut off')
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
