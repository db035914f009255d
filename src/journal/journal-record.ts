import { SLICE_MS } from '../sync/wait.ts'
import { CONTROL_SYNC_TURN } from '../../assembly/memory/layout.ts'
import type { File } from '../fs/filesystem.ts'
import { forgetUser, isUsed } from '../kernel/file-users.ts'
import type { Kernel } from '../kernel/kernel.ts'

// What all threads know of a journal that is written, in a zeroed record of linear memory:
//
//   0          8            12             16         20          24                 32                 40
//   ├ f64 id  ┼ u32 length ┼ u32 buffered ┼ u32 page ┼ u32 flags ┼ u64 next seqno   ┼ u64 gap's seqno  ┼ f64 seqnos in the gap
//   48                   52               56                                                    60
//   ├ u32 synced offset ┼ i32 descriptor ┼ i32 the descriptor of asynchronous syncs, -1 without ┼ u32 1 as long as the journal before it may not be durable
//
//   64                                                                      72                   76
//   ├ u64 a bit for each slot whose thread syncs it (src/kernel/file-users.ts) ┼ u32 room's end ┼ u32 1 if the next write should make room, 2 if none may
//
// All but the synced offset, who syncs and the wish for room belongs to the holder of the journal lock. NOTE: so a length is read without it too, by who syncs: it is one
// word, which was written whole.
const ID = 0
const LENGTH = 8
const BUFFERED = 12
const PAGE = 16
const FLAGS = 20
export const NEXT_SEQNO = 24
export const GAP_SEQNO = 32
const GAP_COUNT = 40
const SYNCED = 48
const DESCRIPTOR = 52
const SYNC_DESCRIPTOR = 56
const WAITS = 60
export const USERS = 64
const ROOM_END = 72
const WANTS_ROOM = 76
const NEVER = 2
const RECORD_BYTES = 128
export const U32_MAX = 4294967295

/** The last write found no space: until one succeeds nothing is acknowledged, not even into the buffer. */
export const FLAG_FULL = 1
export const FLAG_SEALED = 2
export const FLAG_POISONED = 4
export const FLAG_CLOSED = 8

/** A thread's view of a journal's record. */
export class JournalRecord {
  readonly address: number
  readonly #kernel: Kernel
  readonly #u32: Uint32Array
  readonly #words: Int32Array

  /** One with a page for the buffer. @throws NO_MEMORY */
  static create(
    kernel: Kernel,
    id: number,
    { descriptor, syncDescriptor = -1 }: Pick<File, 'descriptor' | 'syncDescriptor'>,
  ): JournalRecord {
    const page = kernel.page()
    let record: JournalRecord
    try {
      record = new JournalRecord(kernel, kernel.record(RECORD_BYTES))
    } catch (error) {
      kernel.exports.freePage(page)
      throw error
    }
    kernel.view.setFloat64(record.address + ID, id, true)
    record.page = page
    kernel.words[(record.address + DESCRIPTOR) >>> 2] = descriptor
    kernel.words[(record.address + SYNC_DESCRIPTOR) >>> 2] = syncDescriptor
    return record
  }

  constructor(kernel: Kernel, address: number) {
    this.#kernel = kernel
    this.#u32 = kernel.u32
    this.#words = kernel.words
    this.address = address
  }

  get id(): number {
    return this.#kernel.view.getFloat64(this.address + ID, true)
  }

  get descriptor(): number {
    return this.#words[(this.address + DESCRIPTOR) >>> 2] as number
  }

  get syncDescriptor(): number {
    return this.#words[(this.address + SYNC_DESCRIPTOR) >>> 2] as number
  }

  /** Bytes in the file. */
  get length(): number {
    return this.#u32[(this.address + LENGTH) >>> 2] as number
  }

  set length(length: number) {
    this.#u32[(this.address + LENGTH) >>> 2] = length
  }

  /** Where the zeros behind the frames end, which is where the file ends; 0: there are none (zeroed-room.ts). */
  get roomEnd(): number {
    return this.#u32[(this.address + ROOM_END) >>> 2] as number
  }

  set roomEnd(end: number) {
    this.#u32[(this.address + ROOM_END) >>> 2] = end
  }

  /** Whether the last sync was a small one, and no room was made since. NOTE: who syncs has no lock; a wish that is lost or late costs some microseconds. */
  get wantsRoom(): boolean {
    return this.#u32[(this.address + WANTS_ROOM) >>> 2] === 1
  }

  wishRoom(wants: boolean): void {
    const at = (this.address + WANTS_ROOM) >>> 2
    if (this.#u32[at] !== NEVER) this.#u32[at] = wants ? 1 : 0
  }

  /** There was no space for it. */
  giveUpRoom(): void {
    this.#u32[(this.address + WANTS_ROOM) >>> 2] = NEVER
  }

  /** Bytes that wait at the start of the buffer. */
  get buffered(): number {
    return this.#u32[(this.address + BUFFERED) >>> 2] as number
  }

  set buffered(bytes: number) {
    this.#u32[(this.address + BUFFERED) >>> 2] = bytes
  }

  /** Address of the buffer's page; 0 once sealed or closed. */
  get page(): number {
    return this.#u32[(this.address + PAGE) >>> 2] as number
  }

  set page(page: number) {
    this.#u32[(this.address + PAGE) >>> 2] = page
  }

  get flags(): number {
    return Atomics.load(this.#words, (this.address + FLAGS) >>> 2)
  }

  /** NOTE: who syncs poisons without the journal lock; so a flag is set and cleared without touching the others. */
  setFlag(flag: number): void {
    Atomics.or(this.#words, (this.address + FLAGS) >>> 2, flag)
  }

  clearFlag(flag: number): void {
    Atomics.and(this.#words, (this.address + FLAGS) >>> 2, ~flag)
  }

  /** A half of a u64, as it lies in memory: NEXT_SEQNO or GAP_SEQNO, + 4 for the upper one. */
  word(offset: number): number {
    return this.#words[(this.address + offset) >>> 2] as number
  }

  setWord(offset: number, word: number): void {
    this.#words[(this.address + offset) >>> 2] = word
  }

  /** Adds `count` ≤ U32_MAX to a u64: NEXT_SEQNO or GAP_SEQNO. */
  advance(offset: number, count: number): void {
    const low = (this.word(offset) >>> 0) + count
    this.setWord(offset, low | 0)
    if (low > U32_MAX) this.setWord(offset + 4, (this.word(offset + 4) + 1) | 0)
  }

  /** Seqnos given out to groups that failed and not entered yet. */
  get gapCount(): number {
    return this.#kernel.view.getFloat64(this.address + GAP_COUNT, true)
  }

  set gapCount(count: number) {
    this.#kernel.view.setFloat64(this.address + GAP_COUNT, count, true)
  }

  /** The file is durable up to here. */
  get syncedOffset(): number {
    return Atomics.load(this.#words, (this.address + SYNCED) >>> 2) >>> 0
  }

  /** A sync that began when the file was so long has succeeded. */
  prove(length: number): void {
    const index = (this.address + SYNCED) >>> 2
    let synced = this.syncedOffset
    while (synced < length) {
      const found = Atomics.compareExchange(this.#words, index, synced | 0, length | 0) >>> 0
      if (found === synced) return
      synced = found
    }
  }

  /** Whether the journal before it may not be durable yet: then no sync of this one may begin. */
  get waitsForEarlier(): boolean {
    return Atomics.load(this.#words, (this.address + WAITS) >>> 2) !== 0
  }

  set waitsForEarlier(waits: boolean) {
    Atomics.store(this.#words, (this.address + WAITS) >>> 2, waits ? 1 : 0)
    if (!waits) Atomics.notify(this.#words, (this.address + WAITS) >>> 2)
  }

  /** Sleeps until the journal before it is durable, for a slice at most. */
  sleepForEarlier(): void {
    Atomics.wait(this.#words, (this.address + WAITS) >>> 2, 1, SLICE_MS)
  }

  /**
   * Takes the turn to sync a descriptor that everybody writes to: of this journal, or of the one before it. @returns false if another thread has it
   * INVARIANT: before it is given back, it is said that the sync has failed: the host tells one caller only.
   */
  takeSyncTurn(): boolean {
    const { slotIndex } = this.#kernel
    return Atomics.compareExchange(this.#words, CONTROL_SYNC_TURN >>> 2, 0, slotIndex + 1) === 0
  }

  giveSyncTurn(): void {
    Atomics.store(this.#words, CONTROL_SYNC_TURN >>> 2, 0)
    Atomics.notify(this.#words, CONTROL_SYNC_TURN >>> 2)
  }

  /** Sleeps until the turn may be free, for a slice at most. */
  sleepForSyncTurn(): void {
    const index = CONTROL_SYNC_TURN >>> 2
    const taken = Atomics.load(this.#words, index)
    if (taken !== 0) Atomics.wait(this.#words, index, taken, SLICE_MS)
  }

  /** Whether a sync is under way, on any thread: then the file is not closed. */
  get isSyncing(): boolean {
    return isUsed(this.#words, this.address + USERS)
  }

  beginSync(): void {
    this.#kernel.files.begin(this.address + USERS)
  }

  /** INVARIANT: pairs with a `beginSync` of this thread. */
  endSync(): void {
    this.#kernel.files.end(this.address + USERS)
  }

  /** The thread of a slot has ended, whatever it was at. */
  forgetSyncsOf(slot: number): void {
    forgetUser(this.#words, this.address + USERS, slot)
  }

  /** Frees one that was never used. */
  discard(): void {
    this.#kernel.exports.freePage(this.page)
    this.free()
  }

  /** INVARIANT: its page is gone already, and nobody has its address. */
  free(): void {
    this.#kernel.exports.freeRecord(this.address, RECORD_BYTES)
  }
}
