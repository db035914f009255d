import {
  BOUND_AFTER,
  BOUND_BEFORE,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_EXTENT_CHAIN,
  CHUNK_EXTENT_LENGTH,
  CHUNK_EXTENT_LIST,
  CHUNK_EXTENT_TABLE,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  INPUT_SECOND,
  NO_LENGTH,
  SLOT_COUNT_RESULT,
  SLOT_PASSED,
  SLOT_POSITION,
  STATUS_DONE,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import { noPages } from '../kernel/kernel.ts'
import type { Registration } from '../version/snapshot-registry.ts'
import type { Engine } from './engine.ts'
import { chainValue, extentValue } from './large-value.ts'
import { firstKey, isEmptySpan, type RangeSpan } from './key-span.ts'
import type { Lease } from './lease.ts'
import type { TreeDoor } from './tree-door.ts'

/** The first chunk is small, for those who leave after a few entries; then they grow. */
const FIRST_CHUNK_BYTES = 1024
/** With a limit nothing is read in vain: up to so many entries come in one chunk, if they fit. */
const ONE_CHUNK_ENTRIES = 1000
const LARGEST_CHUNK_BYTES = 65536
const CHUNK_GROWTH = 4

/** Who hands out the bytes of a cursor's entry where they lie. */
export interface Borrower {
  /** Copies what was handed out in this step, because the page goes. @returns false if that cannot be any more */
  detach(): boolean
}

/**
 * A range read in chunks at one seqno. Between two chunks it holds that seqno, one page and its place in it: each chunk is a merge of
 * its own over the newest SuperVersion, begun behind the last key. So it pins neither memtables nor files, and the page only as long
 * as nobody needs it more (CursorPages).
 *
 * After `next()` returned true the current key lies at `keyPointer`, `keyLength` and its value at `valuePointer`, `valueLength`, or
 * in `large`, until the next call of `next()`. As a lease it is for who hands them out in place: he counts it up at every step.
 */
export class RangeCursor implements Lease {
  readonly #engine: Engine
  readonly #tree: TreeDoor
  readonly #span: RangeSpan
  readonly #seqno: number
  /** Keeps S readable from the first moment on in which somebody else might drop what it needs. */
  #registration: Registration | undefined
  #page = 0
  #capacity: number
  /** Entries in the chunk that were not handed out, and where the next one starts. */
  #left = 0
  #position = 0
  #lastEntry = 0
  #remaining: number
  #started = false
  #ended = false
  #open = true
  /** The key handed out last, if the page it was in is gone. */
  #resumeKey: Uint8Array | undefined
  /** Where the cursor stood when somebody wanted its page. */
  #looked = 0
  /** The value of the chunk's last entry if it is kept apart. */
  #largeValue: Uint8Array | undefined
  generation = 0
  borrower: Borrower | undefined
  keyPointer = 0
  keyLength = 0
  valuePointer = 0
  valueLength = 0
  large: Uint8Array | undefined

  constructor(engine: Engine, tree: TreeDoor, span: RangeSpan, seqno: number) {
    this.#engine = engine
    this.#tree = tree
    this.#span = span
    // NOTE: on several threads S is registered from the beginning: others drop at any time.
    if (engine.thread.isShared && seqno === 0) this.#registration = engine.snapshots.holdLatest()
    this.#seqno = this.#registration?.seqno ?? (seqno === 0 ? engine.visibleSeqno() : seqno)
    this.#remaining = span.limit
    this.#capacity = span.limit <= ONE_CHUNK_ENTRIES ? LARGEST_CHUNK_BYTES : FIRST_CHUNK_BYTES
    this.#ended = span.limit <= 0 || isEmptySpan(span)
    // NOTE: the snapshot whose S it is may end before the first step.
    if (this.#seqno < engine.visibleSeqno() || engine.thread.isShared) this.hold()
    engine.thread.openRanges++
    engine.cursorPages.add(this)
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

  /** Passes over what is left of the chunk, or over the next one. @returns the number of entries; 0 at the end. @throws as next */
  passChunk(): number {
    if (!this.next()) return 0
    const entries = 1 + this.#left
    this.#left = 0
    return entries
  }

  /** Gives the page back. Idempotent, and possible after the database was closed. */
  close(): void {
    if (!this.#open) return
    const engine = this.#engine
    this.#open = false
    this.#ended = true
    this.#left = 0
    this.generation++
    engine.thread.openRanges--
    // NOTE: a closed database took its pages back already.
    if (!engine.closed) this.#freePage()
    engine.cursorPages.remove(this)
    if (this.#registration !== undefined && !engine.closed) engine.snapshots.letGo(this.#registration)
    this.#registration = undefined
  }

  /**
   * Registers S, which from then on nothing is dropped below. INVARIANT: nothing was dropped since the chunk was read.
   * @returns false if something was: then the cursor can hand out its chunk and no more
   */
  hold(): boolean {
    this.#registration ??= this.#engine.snapshots.hold(this.#seqno)
    return this.#registration !== undefined
  }

  /** Whether it was stepped between the last call of this and now. */
  steppedSinceLook(): boolean {
    const stepped = this.#position !== this.#looked
    this.#looked = this.#position
    return stepped
  }

  /** Gives the page back between two steps; the next one reads on behind the key handed out last. @returns false if it is lent */
  dropPage(): boolean {
    if (!this.hold() || this.borrower?.detach() === false) return false
    const { kernel } = this.#engine
    // NOTE: after passChunk the last key of the chunk counts as handed out.
    const isLast = this.#left === 0
    const key = isLast ? this.#lastEntry + CHUNK_ENTRY_HEADER_BYTES : this.keyPointer
    const length = isLast ? kernel.view.getUint16(this.#lastEntry + CHUNK_KEY_LENGTH, true) : this.keyLength
    this.#resumeKey = kernel.u8.slice(key, key + length)
    if (!isLast) this.#ended = false
    this.#remaining += this.#left
    this.#left = 0
    this.#capacity = FIRST_CHUNK_BYTES
    this.#freePage()
    return true
  }

  get hasPage(): boolean {
    return this.#page !== 0
  }

  #freePage(): void {
    const { kernel, cursorPages } = this.#engine
    if (this.#page === 0) return
    kernel.exports.freePage(this.#page)
    this.#page = 0
    cursorPages.pages--
  }

  /** Reads the next chunk into the page. */
  #fill(): void {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    this.#engine.assertReadable(this.#tree)
    if (this.#page === 0) {
      this.#page = this.#engine.room.chunkPage()
      this.#engine.cursorPages.pages++
      if (this.#started) this.#engine.cursorPages.add(this)
    }
    const isFirst = !this.#started
    const { thread } = this.#engine
    let isBegun = false
    thread.beginRead()
    try {
      isBegun = this.#begin()
      if (!isBegun) {
        this.#ended = true
        return
      }
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
          blocks.loadNeeded()
          continue
        }
        this.#ended = status === STATUS_DONE
        break
      }
      this.#left = kernel.word(SLOT_COUNT_RESULT)
      this.#lastEntry = this.#page + kernel.word(SLOT_POSITION)
      this.#remaining -= this.#left
      if (this.#remaining <= 0) this.#ended = true
      this.#position = this.#page
      this.#capacity = Math.min(this.#capacity * CHUNK_GROWTH, LARGEST_CHUNK_BYTES)
      if (isFirst && !this.#span.reverse) this.#noteGap()
      if (this.#left > 0) this.#takeLarge()
    } finally {
      if (isBegun) exports.mergeEnd(slot)
      thread.endRead()
    }
    // NOTE: S was read in this call, or is a snapshot's: what it needs is all there.
    if (!this.#ended) this.hold()
  }

  /** Starts the merge behind the last key handed out, or at the bound of the range. @returns false if there is nothing to find */
  #begin(): boolean {
    const { kernel } = this.#engine
    const { exports, slot, u8, view, input } = kernel
    const { reverse, lower, upper } = this.#span
    const start = reverse ? upper : lower
    let keyLength = -1
    let bound = BOUND_BEFORE
    const continues = this.#started
    if (continues && this.#resumeKey !== undefined) {
      keyLength = this.#resumeKey.byteLength
      u8.set(this.#resumeKey, input)
      this.#resumeKey = undefined
      bound = reverse ? BOUND_BEFORE : BOUND_AFTER
    } else if (continues) {
      keyLength = view.getUint16(this.#lastEntry + CHUNK_KEY_LENGTH, true)
      const key = this.#lastEntry + CHUNK_ENTRY_HEADER_BYTES
      u8.copyWithin(input, key, key + keyLength)
      bound = reverse ? BOUND_BEFORE : BOUND_AFTER
    } else if (start !== undefined) {
      keyLength = start.key.byteLength
      u8.set(start.key, input)
      bound = start.after ? BOUND_AFTER : BOUND_BEFORE
    }
    if (!reverse && !continues) {
      const behind = this.#behindGap(firstKey(start))
      if (behind !== undefined) {
        if (behind === NO_LENGTH) return false
        keyLength = behind
        bound = BOUND_BEFORE
      }
    }
    const status = exports.mergeBegin(
      slot,
      this.#tree.superVersionAt(this.#seqno),
      this.#seqno,
      reverse ? 1 : 0,
      input,
      keyLength,
      bound,
      continues ? 1 : 0,
    )
    if (status !== STATUS_OK) throw noPages()
    this.#started = true
    return true
  }

  /**
   * If the range begins in the gap: puts the key behind it into the input page. @returns its length, NO_LENGTH if nothing is behind it
   * ORDER: who writes narrows the gap under the journal lock.
   */
  #behindGap(start: Uint8Array | undefined): number | undefined {
    const { gap } = this.#tree
    if (gap?.isKnown !== true) return undefined
    const { u8, input } = this.#engine.kernel
    return this.#engine.thread.locked(() => {
      const behind = gap.behind(start, this.#seqno)
      if (behind !== undefined && behind.length !== NO_LENGTH)
        u8.copyWithin(input, behind.key, behind.key + behind.length)
      return behind?.length
    })
  }

  /** After the first chunk: remembers between which keys only deleted entries are, if they were many. */
  #noteGap(): void {
    const engine = this.#engine
    const { lower, upper } = this.#span
    if (engine.kernel.word(SLOT_PASSED) < engine.gapFromEntries) return
    let end: Uint8Array | undefined
    if (this.#left > 0) {
      const { u8, view } = engine.kernel
      const key = this.#page + CHUNK_ENTRY_HEADER_BYTES
      end = u8.slice(key, key + view.getUint16(this.#page + CHUNK_KEY_LENGTH, true))
    } else if (this.#ended) end = firstKey(upper)
    else return
    engine.thread.locked(() => {
      // NOTE: only what is visible now can be said to stay so: the kernel watches what is written from now on.
      if (this.#seqno === engine.visibleSeqno())
        this.#tree.openGap()?.found(firstKey(lower), end, this.#seqno)
    })
  }

  /** A value kept apart ends its chunk; it is copied out at once, because memtables and blocks may go. */
  #takeLarge(): void {
    const { kernel, blocks } = this.#engine
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
    const table = blocks.tableAt(view.getUint32(reference + CHUNK_EXTENT_TABLE, true))
    const listBytes = (u32[at >>> 2] as number) - CHUNK_EXTENT_LIST
    this.#largeValue = extentValue(this.#engine, table, reference + CHUNK_EXTENT_LIST, listBytes)
  }
}
