import {
  BOUND_AFTER,
  BOUND_BEFORE,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_EXTENT_CHAIN,
  CHUNK_EXTENT_LENGTH,
  CHUNK_EXTENT_LIST,
  CHUNK_EXTENT_SOURCE,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  INPUT_SECOND,
  SLOT_COUNT_RESULT,
  SLOT_POSITION,
  SLOT_SOURCE,
  STATUS_DONE,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { noPages } from '../kernel/kernel.ts'
import { RunCursor } from '../table/run-cursor.ts'
import type { TableFile } from '../table/table-file.ts'
import { compareKeys, type Run, type TableInfo } from '../version/version.ts'
import type { Engine } from './engine.ts'
import { tableFor } from './key-order.ts'
import { chainValue, extentValue } from './large-value.ts'
import type { Tree } from './tree.ts'

/** The first chunk is small, for those who want few entries; then they grow. */
const FIRST_CHUNK_BYTES = 1024
const LARGEST_CHUNK_BYTES = 65536
const CHUNK_GROWTH = 4

/** One side of a range: `after` = false: the bound lies before every version of the key, true: after them. */
export interface RangeBound {
  readonly key: Uint8Array
  readonly after: boolean
}

export interface RangeSpan {
  /** undefined: from the first key. */
  readonly lower: RangeBound | undefined
  /** undefined: to the last key. */
  readonly upper: RangeBound | undefined
  readonly reverse: boolean
  /** At most that many entries. */
  readonly limit: number
  readonly keysOnly: boolean
}

/** A run taking part in the merge. */
interface Source {
  readonly run: Run
  readonly cursor: RunCursor
}

/**
 * A range read in chunks at one seqno. Between two chunks it holds that seqno, one page and its place in it: each chunk is a merge of
 * its own over the newest SuperVersion, begun behind the last key. So it pins neither memtables nor files.
 *
 * After `next()` returned true the current key lies at `keyPointer`, `keyLength` and its value at `valuePointer`, `valueLength`, or
 * in `large`, until the next call of `next()`.
 */
export class RangeCursor {
  readonly #engine: Engine
  readonly #tree: Tree
  readonly #span: RangeSpan
  readonly #seqno: number
  #page = 0
  #capacity = FIRST_CHUNK_BYTES
  /** Entries in the chunk that were not handed out, and where the next one starts. */
  #left = 0
  #position = 0
  #lastEntry = 0
  /** Number of the merge's first table source. */
  #firstSource = 0
  #remaining: number
  #started = false
  #ended = false
  /** The value of the chunk's last entry if it is kept apart. */
  #largeValue: Uint8Array | undefined
  keyPointer = 0
  keyLength = 0
  valuePointer = 0
  valueLength = 0
  large: Uint8Array | undefined

  constructor(engine: Engine, tree: Tree, span: RangeSpan, seqno: number) {
    this.#engine = engine
    this.#tree = tree
    this.#span = span
    this.#seqno = seqno
    this.#remaining = span.limit
    this.#ended = span.limit <= 0 || isEmpty(span)
  }

  /** Goes to the next entry. @returns false at the end. @throws CORRUPT, IO, NO_MEMORY, CLOSED */
  next(): boolean {
    while (this.#left === 0) {
      if (this.#ended) {
        this.close()
        return false
      }
      this.#fill()
    }
    const { u32, view } = this.#engine.kernel
    const at = this.#position
    const header = at >>> 2
    const valueLength = u32[header] as number
    const keyLength = view.getUint16(at + CHUNK_KEY_LENGTH, true)
    const type = view.getUint8(at + CHUNK_TYPE)
    this.keyPointer = at + CHUNK_ENTRY_HEADER_BYTES
    this.keyLength = keyLength
    this.valuePointer = this.keyPointer + keyLength
    this.valueLength = valueLength
    this.large = (type & TYPE_MASK) === TYPE_EXTENT ? this.#largeValue : undefined
    this.#position = ((this.valuePointer + valueLength + 3) & ~3) >>> 0
    this.#left--
    return true
  }

  /** Gives the page back. Idempotent. */
  close(): void {
    this.#ended = true
    this.#left = 0
    if (this.#page === 0) return
    this.#engine.kernel.exports.freePage(this.#page)
    this.#page = 0
  }

  /** Reads the next chunk into the page. */
  #fill(): void {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    this.#engine.assertReadable(this.#tree)
    if (this.#page === 0) this.#page = this.#engine.room.chunkPage()
    const sources: Source[] = []
    try {
      this.#begin(sources)
      const end = this.#span.reverse ? this.#span.lower : this.#span.upper
      if (end !== undefined) kernel.u8.set(end.key, kernel.input + INPUT_SECOND)
      for (;;) {
        const status = exports.mergeFill(
          slot,
          this.#page,
          this.#capacity,
          Math.min(this.#remaining, 0x7fffffff),
          this.#span.keysOnly ? 1 : 0,
          kernel.input + INPUT_SECOND,
          end === undefined ? -1 : end.key.byteLength,
          end === undefined || end.after ? BOUND_AFTER : BOUND_BEFORE,
        )
        if (status === STATUS_NEED_BLOCK) {
          this.#feed(sources[kernel.word(SLOT_SOURCE) - this.#firstSource], kernel.word(SLOT_SOURCE))
          continue
        }
        if (status === STATUS_MALFORMED)
          throw new VarveError(
            'CORRUPT',
            'A block in memory does not add up; close the database and verify the disk and memory of this machine.',
          )
        this.#ended = status === STATUS_DONE
        break
      }
      this.#left = kernel.word(SLOT_COUNT_RESULT)
      this.#lastEntry = this.#page + kernel.word(SLOT_POSITION)
      this.#remaining -= this.#left
      if (this.#remaining <= 0) this.#ended = true
      this.#position = this.#page
      this.#capacity = Math.min(this.#capacity * CHUNK_GROWTH, LARGEST_CHUNK_BYTES)
      if (this.#left > 0) this.#takeLarge(sources)
    } finally {
      blocks.unpinAll()
    }
  }

  /** Starts the merge behind the last key handed out, or at the bound of the range. */
  #begin(sources: Source[]): void {
    const { kernel } = this.#engine
    const { exports, slot, u8, u32, view, input } = kernel
    const { reverse, lower, upper } = this.#span
    const start = reverse ? upper : lower
    let keyLength = -1
    let bound = BOUND_BEFORE
    if (this.#started) {
      keyLength = view.getUint16(this.#lastEntry + CHUNK_KEY_LENGTH, true)
      const key = this.#lastEntry + CHUNK_ENTRY_HEADER_BYTES
      u8.copyWithin(input, key, key + keyLength)
      bound = reverse ? BOUND_BEFORE : BOUND_AFTER
    } else if (start !== undefined) {
      keyLength = start.key.byteLength
      u8.set(start.key, input)
      bound = start.after ? BOUND_AFTER : BOUND_BEFORE
    }
    this.#started = true
    const tree = this.#tree
    exports.mergeBegin(slot, tree.superVersion, this.#seqno, reverse ? 1 : 0, input, keyLength, bound)
    const key = keyLength < 0 ? undefined : u8.slice(input, input + keyLength)
    for (const run of tree.version.runs) {
      const at = startTable(run, key, reverse)
      if (at < 0 || outside(run, this.#span)) continue
      if (exports.mergeAddTable(slot) !== STATUS_OK) throw noPages()
      const source = u32[(slot + SLOT_SOURCE) >>> 2] as number
      if (sources.length === 0) this.#firstSource = source
      const files = run.map((table) => tree.files.get(table.id) as TableFile)
      const cursor = new RunCursor(kernel, this.#engine.blocks, files, reverse)
      sources.push({ cursor, run })
      if (cursor.seek(at, input, keyLength, bound)) {
        const { payload, length } = this.#engine.blocks
        exports.mergeSetBlock(slot, source, payload, length, keyLength < 0 ? 0 : 1)
      } else exports.mergeExhaust(slot, source)
    }
  }

  /** Gives a source its next block. */
  #feed(from: Source | undefined, source: number): void {
    const { kernel, blocks } = this.#engine
    if (from !== undefined && from.cursor.next()) {
      kernel.exports.mergeSetBlock(kernel.slot, source, blocks.payload, blocks.length, 0)
    } else kernel.exports.mergeExhaust(kernel.slot, source)
  }

  /** A value kept apart ends its chunk; it is copied out at once, because memtables and blocks may go. */
  #takeLarge(sources: readonly Source[]): void {
    const { kernel } = this.#engine
    const { view, u32 } = kernel
    const at = this.#lastEntry
    this.#largeValue = undefined
    if ((view.getUint8(at + CHUNK_TYPE) & TYPE_MASK) !== TYPE_EXTENT || this.#span.keysOnly) return
    const reference = at + CHUNK_ENTRY_HEADER_BYTES + view.getUint16(at + CHUNK_KEY_LENGTH, true)
    const chain = view.getUint32(reference + CHUNK_EXTENT_CHAIN, true)
    if (chain !== 0) {
      this.#largeValue = chainValue(kernel, chain, view.getUint32(reference + CHUNK_EXTENT_LENGTH, true))
      return
    }
    // NOTE: the source may have gone on to another table of its run; the key tells which one the entry is from.
    const { run } = sources[
      view.getUint32(reference + CHUNK_EXTENT_SOURCE, true) - this.#firstSource
    ] as Source
    const info = tableFor(
      kernel.u8,
      run,
      at + CHUNK_ENTRY_HEADER_BYTES,
      view.getUint16(at + CHUNK_KEY_LENGTH, true),
    )
    const table = this.#tree.files.get(info?.id ?? 0) as TableFile
    const listBytes = (u32[at >>> 2] as number) - CHUNK_EXTENT_LIST
    this.#largeValue = extentValue(this.#engine, table, reference + CHUNK_EXTENT_LIST, listBytes)
  }
}

/** Whether no key can lie between the bounds. */
function isEmpty({ lower, upper }: RangeSpan): boolean {
  if (lower === undefined || upper === undefined) return false
  const order = compareKeys(lower.key, upper.key)
  return order > 0 || (order === 0 && (lower.after || !upper.after))
}

/** Number of the table of a run in which a scan from `key` begins, or -1 if it has nothing for it. */
function startTable(tables: readonly TableInfo[], key: Uint8Array | undefined, reverse: boolean): number {
  if (key === undefined) return reverse ? tables.length - 1 : 0
  if (reverse) {
    for (let i = tables.length - 1; i >= 0; i--)
      if (compareKeys((tables[i] as TableInfo).smallestKey, key) <= 0) return i
    return -1
  }
  return tables.findIndex((table) => compareKeys(table.largestKey, key) >= 0)
}

/** Whether no table of the run overlaps the range. */
function outside(run: Run, { lower, upper }: RangeSpan): boolean {
  return !run.some(
    (table) =>
      (lower === undefined || compareKeys(table.largestKey, lower.key) >= 0) &&
      (upper === undefined || compareKeys(table.smallestKey, upper.key) <= 0),
  )
}
