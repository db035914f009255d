import {
  BOUND_AFTER,
  BOUND_BEFORE,
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  INPUT_SECOND,
  NO_LENGTH,
  SLOT_COUNT_RESULT,
  SLOT_LENGTH,
  SLOT_PASSED,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_DONE,
  STATUS_NEED_BLOCK,
  STATUS_OK,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import { compareKeys } from '../bytes.ts'
import { noPages } from '../kernel/kernel.ts'
import { BlockMissing } from '../table/awaited-blocks.ts'
import type { Registration } from '../version/snapshot-registry.ts'
import type { Engine } from './engine.ts'
import { largeValueOf } from './large-value.ts'
import { firstKey, isEmptySpan, type RangeSpan } from './key-span.ts'
import type { Lease } from './lease.ts'
import { behindGap, noteGap } from './range-gap.ts'
import type { TreeDoor } from './tree-door.ts'

/** The first chunk is small, for those who leave after a few entries; then they grow. */
const FIRST_CHUNK_BYTES = 1024
/** With a limit nothing is read in vain: up to so many entries come in one chunk, if they fit. */
const ONE_CHUNK_ENTRIES = 1000
const LARGEST_CHUNK_BYTES = 65536
const CHUNK_GROWTH = 4

/** A key, or what lies behind it. */
interface Place {
  readonly key: Uint8Array
  readonly bound: number
}

/** Who hands out the bytes of a cursor's entry where they lie. */
export interface Borrower {
  /** Copies what was handed out in this step, because the page goes. @returns false if that cannot be any more */
  detach(): boolean
}

/**
 * A range read in chunks at one seqno. Between two chunks it holds that seqno, one page and its place in it: each chunk is a merge of
 * its own over the newest SuperVersion, begun behind the last key. So it pins neither memtables nor files, and the page only as long
 * as nobody needs it more (CursorPages). Where it waits for a block (BlockMissing) it has its seqno and its place, and nothing else.
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
  /** Where the next merge begins, if it is not behind the last key of the chunk in the page. */
  #resume: Place | undefined
  /** Where the merge under way began; its key is in the input page. */
  #beginLength = -1
  #beginBound: number = BOUND_BEFORE
  /** Whether CursorPages knows of it. */
  #isListed = true
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
  /** Number of the chunk that the entry is in. */
  chunk = 0

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

  /** Goes to the next entry. @returns false at the end. @throws CORRUPT, IO, NO_MEMORY, CLOSED; BlockMissing: then it is as before the call */
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

  /** Where the entries of the chunk begin. */
  get chunkPointer(): number {
    return this.#page
  }

  /** Where they end. */
  get chunkEnd(): number {
    const { u32, view } = this.#engine.kernel
    const at = this.#lastEntry
    const keyLength = view.getUint16(at + CHUNK_KEY_LENGTH, true)
    return at + CHUNK_ENTRY_HEADER_BYTES + keyLength + (u32[at >>> 2] as number)
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
    this.#resume = { key: kernel.u8.slice(key, key + length), bound: this.#behind }
    if (!isLast) this.#ended = false
    this.#remaining += this.#left
    this.#left = 0
    this.#capacity = FIRST_CHUNK_BYTES
    this.#freePage()
    this.#isListed = false
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

  /** Where a merge begins that goes on behind a key. */
  get #behind(): number {
    return this.#span.reverse ? BOUND_BEFORE : BOUND_AFTER
  }

  /** Reads the next chunk into the page. */
  #fill(): void {
    const { thread, room, cursorPages, kernel, blocks } = this.#engine
    this.#engine.assertReadable(this.#tree)
    if (this.#page === 0) {
      this.#page = room.chunkPage()
      cursorPages.pages++
      if (!this.#isListed) cursorPages.add(this)
      this.#isListed = true
    }
    let isBegun = false
    thread.beginRead()
    try {
      isBegun = this.#begin()
      if (isBegun) this.#merge()
      else this.#ended = true
    } catch (error) {
      if (error instanceof BlockMissing) this.#interrupt()
      throw thread.readFailure(error)
    } finally {
      if (isBegun) kernel.exports.mergeEnd(kernel.slot)
      thread.endRead()
    }
    blocks.forgetAwaited()
    // NOTE: S was read in this call, or is a snapshot's: what it needs is all there.
    if (!this.#ended) this.hold()
  }

  /** Has the merge that was begun fill the page. @throws BlockMissing: nothing is there then */
  #merge(): void {
    const { kernel } = this.#engine
    const isDone = this.#mergeChunk()
    const count = kernel.word(SLOT_COUNT_RESULT)
    const passed = kernel.word(SLOT_PASSED)
    const lastEntry = this.#page + kernel.word(SLOT_POSITION)
    // NOTE: a value kept apart ends its chunk; it is copied out at once, because memtables and blocks may go.
    this.#largeValue = count === 0 || this.#span.keysOnly ? undefined : largeValueOf(this.#engine, lastEntry)
    const isFirst = !this.#started
    this.#started = true
    this.#resume = undefined
    this.chunk++
    this.#left = count
    this.#lastEntry = lastEntry
    this.#remaining -= count
    this.#ended = isDone || this.#remaining <= 0
    this.#position = this.#page
    this.#capacity = Math.min(this.#capacity * CHUNK_GROWTH, LARGEST_CHUNK_BYTES)
    if (isFirst && !this.#span.reverse && passed >= this.#engine.gapFromEntries) this.#noteGap()
  }

  /** The kernel calls of a chunk, with the blocks that they ask for. @returns whether it is the last one. @throws BlockMissing if it would be empty */
  #mergeChunk(): boolean {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    const { reverse, lower, upper, keysOnly } = this.#span
    const end = reverse ? lower : upper
    if (end !== undefined) kernel.u8.set(end.key, kernel.input + INPUT_SECOND)
    for (;;) {
      const status = exports.mergeFill(
        slot,
        this.#page,
        this.#capacity,
        Math.min(this.#remaining, 0x7fffffff),
        keysOnly ? 1 : 0,
        kernel.input + INPUT_SECOND,
        end === undefined ? -1 : end.key.byteLength,
        end === undefined || end.after ? BOUND_AFTER : BOUND_BEFORE,
      )
      if (status !== STATUS_NEED_BLOCK) return status === STATUS_DONE
      // NOTE: what is there is handed out before anybody waits.
      if (blocks.mustWait && exports.mergeCut(slot) > 0) return false
      try {
        blocks.loadNeeded()
      } catch (error) {
        if (error instanceof BlockMissing) this.#noteProgress()
        throw error
      }
    }
  }

  /** The merge stops before its first entry. What it has passed, deleted entries, is not passed again. */
  #noteProgress(): void {
    const { kernel, blocks } = this.#engine
    const { exports, slot, u8, input } = kernel
    if (exports.mergeKey(slot) === 0) return
    const at = kernel.word(SLOT_POINTER)
    const key = u8.slice(at, at + kernel.word(SLOT_LENGTH))
    // NOTE: backwards it comes to the key at which it began; that is no progress.
    const begin = this.#beginLength < 0 ? undefined : u8.subarray(input, input + this.#beginLength)
    if (begin !== undefined && compareKeys(key, begin) === 0) return
    u8.set(key, input)
    this.#beginLength = key.byteLength
    this.#beginBound = BOUND_AFTER
    this.#started = true
    blocks.forgetAwaited()
  }

  /** A block must be waited for: keeps S and the place where the merge began, and gives all else back. */
  #interrupt(): void {
    const { input, u8 } = this.#engine.kernel
    if (this.#started) {
      this.#resume = { key: u8.slice(input, input + this.#beginLength), bound: this.#beginBound }
    }
    this.hold()
    this.#freePage()
    // NOTE: by twos, for who shows two pairs in turn: what was handed out in place is over with the step.
    this.generation += 2
  }

  /** Starts the merge where the range goes on. @returns false if there is nothing to find */
  #begin(): boolean {
    const { kernel } = this.#engine
    const { exports, slot, input } = kernel
    const { reverse } = this.#span
    if (!this.#seekStart()) return false
    const status = exports.mergeBegin(
      slot,
      this.#tree.superVersionAt(this.#seqno),
      this.#seqno,
      reverse ? 1 : 0,
      input,
      this.#beginLength,
      this.#beginBound,
      this.#started ? 1 : 0,
    )
    if (status !== STATUS_OK) throw noPages()
    return true
  }

  /** Puts the key at which the merge begins into the input page: behind the last one handed out, or at the bound of the range. @returns false if nothing is behind it */
  #seekStart(): boolean {
    const { u8, view, input } = this.#engine.kernel
    const { reverse, lower, upper } = this.#span
    const start = reverse ? upper : lower
    this.#beginLength = -1
    this.#beginBound = BOUND_BEFORE
    if (this.#resume !== undefined) {
      const { key, bound } = this.#resume
      this.#beginLength = key.byteLength
      this.#beginBound = bound
      u8.set(key, input)
      return true
    }
    if (this.#started) {
      const key = this.#lastEntry + CHUNK_ENTRY_HEADER_BYTES
      this.#beginLength = view.getUint16(this.#lastEntry + CHUNK_KEY_LENGTH, true)
      this.#beginBound = this.#behind
      u8.copyWithin(input, key, key + this.#beginLength)
      return true
    }
    if (start !== undefined) {
      this.#beginLength = start.key.byteLength
      this.#beginBound = start.after ? BOUND_AFTER : BOUND_BEFORE
      u8.set(start.key, input)
    }
    const behind = reverse ? undefined : behindGap(this.#engine, this.#tree, this.#seqno, firstKey(start))
    if (behind === NO_LENGTH) return false
    if (behind !== undefined) {
      this.#beginLength = behind
      this.#beginBound = BOUND_BEFORE
    }
    return true
  }

  /** After the first chunk, before which many entries were passed: only deleted ones are there. */
  #noteGap(): void {
    const engine = this.#engine
    const { lower, upper } = this.#span
    let end: Uint8Array | undefined
    if (this.#left > 0) {
      const { u8, view } = engine.kernel
      const key = this.#page + CHUNK_ENTRY_HEADER_BYTES
      end = u8.slice(key, key + view.getUint16(this.#page + CHUNK_KEY_LENGTH, true))
    } else if (this.#ended) end = firstKey(upper)
    else return
    noteGap(engine, this.#tree, this.#seqno, firstKey(lower), end)
  }
}
