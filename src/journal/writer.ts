import {
  CONTROL_JOURNAL_CHAIN,
  CONTROL_JOURNAL_SALT,
  CONTROL_POISON,
  PAGE_BYTES,
  SLOT_GROUP_SEQNO,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import {
  CHAIN_BYTES,
  encodeHeader,
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_CHECKSUM,
  JOURNAL_HEADER_BYTES,
  KIND_BATCH,
  KIND_GAP,
  type JournalHeader,
  type JournalLink,
} from './format.ts'
import { copyOut, FrameCodec, SCRATCH_BYTES } from './frame.ts'
import {
  FLAG_CLOSED,
  FLAG_FULL,
  FLAG_POISONED,
  FLAG_SEALED,
  GAP_SEQNO,
  JournalRecord,
  NEXT_SEQNO,
  U32_MAX,
} from './journal-record.ts'
import { SyncStage, type EarlierJournal } from './sync-stage.ts'
import { ZeroedRoom } from './zeroed-room.ts'

/** Room for bytes that wait and for the frame under construction. */
export const JOURNAL_BUFFER_BYTES: number = PAGE_BYTES - SCRATCH_BYTES
/** As many bytes may wait in the buffer; what reaches this goes to the file. */
const HOLD_BYTES = 65536

/**
 * Appends to one journal file, under the journal lock; only what a `syncAsync` still does runs beside it. What is known of the file lies in linear memory
 * (journal-record.ts), so that each thread has a writer of its own on the same file: the keeper begins, seals and closes it, the others attach to it.
 *
 *   page  0         128                                                             128 KiB
 *         ├ scratch ┼ bytes that wait (acknowledged) ┼ gap? ┼ frame under construction ┤
 *
 * The bytes that wait go in front of the next write, in the same call; the file header is the first of them. They stay where
 * they are when a write fails, and so does the chain: it is that of the last acknowledged frame.
 */
export class JournalWriter {
  readonly id: number
  readonly name: string
  readonly record: JournalRecord
  limitBytes: number
  /** Called after each slice that a sync sleeps. May poison the database. */
  onSleep: () => void = () => {}
  readonly #kernel: Kernel
  readonly #file: File
  readonly #words: Int32Array
  readonly #codec: FrameCodec
  readonly #stage: SyncStage
  readonly #zeroedRoom: ZeroedRoom
  readonly #start: number
  /** Address of the frame under construction, 0 = none, and the payload it has room for. */
  #frame = 0
  #room = 0
  #poisoned: VarveError | undefined
  #sealed: JournalLink | undefined

  /**
   * Begins a journal.
   * @param file empty, open for writing; the writer closes it
   * @param header what its header will say; it is written with the first write
   * @param nextSeqno base of the first group
   * @param earlier the journal before this one, unless it is known to be durable
   * @param limitBytes when it is that long it should be left for another one
   * @param record a new one
   * @throws NO_MEMORY
   */
  static begin(
    kernel: Kernel,
    file: File,
    header: JournalHeader,
    nextSeqno: number,
    earlier?: EarlierJournal,
    limitBytes: number = Infinity,
    record: JournalRecord = JournalRecord.create(kernel, header.journalId, file),
  ): JournalWriter {
    record.waitsForEarlier = earlier !== undefined
    record.setWord(NEXT_SEQNO, nextSeqno | 0)
    record.setWord(NEXT_SEQNO + 4, (nextSeqno / 4294967296) | 0)
    const writer = new JournalWriter(kernel, file, record, limitBytes, earlier)
    writer.#codec.setSalt(header.salt)
    const bytes = encodeHeader(header, (input, target, at) => kernel.hashBytes(input, target, at))
    kernel.u8.set(bytes, record.page + SCRATCH_BYTES)
    record.buffered = JOURNAL_HEADER_BYTES
    kernel.u8.set(header.salt, CONTROL_JOURNAL_SALT)
    kernel.u8.set(bytes.subarray(HEADER_CHECKSUM), CONTROL_JOURNAL_CHAIN)
    return writer
  }

  /** A writer of this thread on a journal that was begun on another one. `file`: the same file. */
  constructor(
    kernel: Kernel,
    file: File,
    record: JournalRecord,
    limitBytes: number,
    earlier?: EarlierJournal,
  ) {
    this.id = record.id
    this.name = file.name
    this.record = record
    this.limitBytes = limitBytes
    this.#kernel = kernel
    this.#file = file
    this.#words = kernel.words
    this.#start = record.page + SCRATCH_BYTES
    this.#codec = new FrameCodec(kernel, record.page)
    this.#zeroedRoom = new ZeroedRoom(file, record)
    const client = {
      length: () => record.length,
      poisoned: () => this.poisoned ?? this.#poisonedElsewhere(),
      slept: () => this.onSleep(),
      syncFailed: (cause: unknown) => this.#poison('Syncing', cause),
    }
    this.#stage = new SyncStage(file, record, client, earlier)
  }

  /** Bytes in the file. */
  get length(): number {
    return this.record.length
  }

  /** Whether the next group should go to another one. */
  get isFull(): boolean {
    return this.record.length >= this.limitBytes
  }

  /** Whether it has grown by that part beyond where it is full. */
  isOverfull(part: number): boolean {
    return this.record.length >= this.limitBytes * (1 + part)
  }

  /** Bytes that were acknowledged and are not in the file yet. */
  get bufferedBytes(): number {
    return this.record.buffered
  }

  /** The file is durable up to here. */
  get syncedOffset(): number {
    return this.record.syncedOffset
  }

  /** A copy of the last acknowledged frame's chain (of the header's, before the first). */
  get chain(): Uint8Array {
    return this.#sealed?.chain ?? copyOut(this.#kernel.u8, CONTROL_JOURNAL_CHAIN, CHAIN_BYTES)
  }

  /** What of the room behind the frames is not as it was written: an offset in the file, or undefined. INVARIANT: under the journal lock. @throws IO */
  damageInRoom(): number | undefined {
    return this.#zeroedRoom.firstBit()
  }

  /** Set once the outcome of a write or sync is unknown; nothing is appended or synced from then on. */
  get poisoned(): VarveError | undefined {
    if ((this.record.flags & FLAG_POISONED) !== 0) this.#poisoned ??= poisonedElsewhere(this.name)
    return this.#poisoned
  }

  /**
   * Where the caller builds the payload of the next frame, of at most `payloadBytes`: an address in linear memory. Writes what
   * waits in the buffer if there is no room beside it.
   * @returns 0 when no frame of this size fits: use appendRecord
   * @throws DISK_FULL (no seqnos are entered as lost), POISONED
   */
  reserve(payloadBytes: number): number {
    this.#refuseStopped()
    const bytes = frameBytes(payloadBytes)
    if (bytes > JOURNAL_BUFFER_BYTES) return 0
    const waiting = this.record.buffered + this.#gapBytes()
    if (waiting + bytes > JOURNAL_BUFFER_BYTES || this.record.gapCount > U32_MAX) this.writeOut()
    this.#frame = this.#start + this.record.buffered + this.#gapBytes()
    this.#room = payloadBytes
    return this.#frame + FRAME_HEADER_BYTES
  }

  /**
   * Seals the frame built at the reserved address and hands it to the system, or leaves it in the buffer (`hold`). It is the
   * slot's group: `count` seqnos from SLOT_GROUP_SEQNO. The payload stays where it is until the next `reserve`.
   * Allocates nothing.
   * @throws DISK_FULL (the group's seqnos are entered as lost with the next write), POISONED (outcome unknown)
   */
  append(kind: number, count: number, payloadLength: number, hold: boolean): void {
    this.#refuseStopped()
    const frame = this.#frame
    if (frame === 0 || payloadLength > this.#room)
      throw new Error('journal: no frame of this size is reserved')
    this.#frame = 0
    const low = this.record.word(NEXT_SEQNO)
    const high = this.record.word(NEXT_SEQNO + 4)
    this.#takeSeqnos(count)
    const codec = this.#codec
    codec.copyChain(CONTROL_JOURNAL_CHAIN, codec.chain)
    this.#sealGap(this.record.gapCount)
    this.#seal(frame, kind, count, payloadLength, low, high)
    const bytes = frame - this.#start + frameBytes(payloadLength)
    if (hold && (this.record.flags & FLAG_FULL) === 0 && bytes < HOLD_BYTES) {
      this.record.buffered = bytes
    } else {
      try {
        this.#write(this.#kernel.u8, this.#start, bytes)
      } catch (error) {
        this.#lose(count, low, high)
        throw error
      }
      this.record.buffered = 0
    }
    this.record.gapCount = 0
    codec.copyChain(codec.chain, CONTROL_JOURNAL_CHAIN)
  }

  /**
   * Appends a batch encoded in JavaScript memory: FRAME_HEADER_BYTES free bytes, the payload, and at least 8 bytes behind it, which
   * become padding. The group is as in `append`. A record that does not fit the buffer is written at once, by a write of its own.
   * @throws as `append`
   */
  appendRecord(record: Uint8Array, payloadLength: number, count: number, hold: boolean): void {
    this.#refuseStopped()
    const bytes = frameBytes(payloadLength)
    if (record.byteLength < bytes) throw new RangeError('journal: a record needs room for its padding')
    let at: number
    try {
      at = this.reserve(payloadLength)
      if (at === 0) {
        this.writeOut()
        this.#refuseStopped()
      }
    } catch (error) {
      this.abandonGroup(count)
      throw error
    }
    if (at === 0) {
      this.#appendLong(record, payloadLength, count)
    } else {
      this.#kernel.u8.set(record.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + payloadLength), at)
      this.append(KIND_BATCH, count, payloadLength, hold)
    }
  }

  /** The slot's group of `count` seqnos failed before it was appended: its seqnos are entered as lost with the next write. */
  abandonGroup(count: number): void {
    const low = this.record.word(NEXT_SEQNO)
    const high = this.record.word(NEXT_SEQNO + 4)
    this.#takeSeqnos(count)
    this.#lose(count, low, high)
  }

  /** Hands to the system what waits in the buffer. @throws DISK_FULL (it goes on waiting), POISONED */
  writeOut(): void {
    const { poisoned } = this
    if (poisoned !== undefined) throw poisoned
    if (this.record.buffered === 0 && this.record.gapCount === 0) return
    this.#refuseStopped()
    const codec = this.#codec
    this.#frame = 0
    do {
      const count = Math.min(this.record.gapCount, U32_MAX)
      codec.copyChain(CONTROL_JOURNAL_CHAIN, codec.chain)
      const gap = this.#sealGap(count)
      this.#write(this.#kernel.u8, this.#start, this.record.buffered + gap)
      this.record.buffered = 0
      codec.copyChain(codec.chain, CONTROL_JOURNAL_CHAIN)
      this.record.advance(GAP_SEQNO, count)
      this.record.gapCount -= count
    } while (this.record.gapCount > 0 && this.poisoned === undefined)
  }

  /** Makes everything acknowledged durable. @throws DISK_FULL (of `writeOut`), POISONED */
  sync(): void {
    this.writeOut()
    this.syncWritten()
  }

  /** The same; only writing out happens before it returns. Concurrent calls share. */
  syncAsync(): Promise<void> {
    try {
      this.writeOut()
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#stage.async()
  }

  /** Makes durable what is in the file. Not under the journal lock. @throws POISONED */
  syncWritten(): void {
    if (this.record.syncedOffset < this.record.length) this.#stage.now()
  }

  /** The same without blocking. */
  syncWrittenAsync(): Promise<void> {
    return this.#stage.async()
  }

  /** Makes the journal before it durable, which those who sync this one wait for. @throws POISONED */
  syncEarlier(): void {
    this.#stage.earlierNow()
  }

  /**
   * Ends the journal: writes out what waits; nothing can be appended afterwards. It is NOT synced yet.
   * @returns where it ends, for its successor's header and for the manifest
   * @throws DISK_FULL (it goes on), POISONED
   */
  seal(): JournalLink {
    if (this.#sealed !== undefined) return this.#sealed
    this.writeOut()
    this.#refuseStopped()
    try {
      this.#zeroedRoom.cut()
    } catch (failure) {
      if (failure instanceof VarveError && failure.code === 'DISK_FULL') throw failure
      throw this.#poison('Cutting back', failure)
    }
    this.#sealed = { id: this.id, length: this.record.length, chain: this.chain }
    this.record.setFlag(FLAG_SEALED)
    this.#freePage()
    return this.#sealed
  }

  /** Whether a sync runs, on any thread: then it cannot be closed yet. */
  get isSyncing(): boolean {
    return this.record.isSyncing
  }

  /** Gives page and file back, at the end of a running syncAsync. Neither writes nor syncs. Idempotent. */
  close(): void {
    if ((this.record.flags & FLAG_CLOSED) !== 0) return
    this.record.setFlag(FLAG_CLOSED)
    this.#freePage()
    this.#stage.end()
    const close = (): void => this.#file.close()
    if (this.#stage.running === undefined) close()
    else this.#stage.running.then(close, close)
  }

  #freePage(): void {
    const { record } = this
    if (record.page !== 0) this.#kernel.exports.freePage(record.page)
    record.page = 0
  }

  /** @throws why nothing can be appended any more: POISONED, or CLOSED once it is sealed or closed */
  #refuseStopped(): void {
    if ((this.record.flags & ~FLAG_FULL) === 0) return
    const { poisoned } = this
    if (poisoned !== undefined) throw poisoned
    const what = (this.record.flags & FLAG_CLOSED) !== 0 ? 'closed' : 'sealed'
    throw new VarveError('CLOSED', `The journal ${this.name} is ${what}.`, { file: this.name })
  }

  /** INVARIANT: seqnos reach the journal in order and without holes; whoever took some appends or abandons them. */
  #takeSeqnos(count: number): void {
    const { record } = this
    const at = (this.#kernel.slot + SLOT_GROUP_SEQNO) >>> 2
    const isNext =
      this.#words[at] === record.word(NEXT_SEQNO) && this.#words[at + 1] === record.word(NEXT_SEQNO + 4)
    if (!isNext || !(count >= 1)) throw new Error('journal: the group is not the next one')
    record.advance(NEXT_SEQNO, count)
  }

  #lose(count: number, low: number, high: number): void {
    const { record } = this
    // NOTE: the place of a frame under construction depends on the gap before it.
    this.#frame = 0
    if (record.gapCount === 0) {
      record.setWord(GAP_SEQNO, low)
      record.setWord(GAP_SEQNO + 4, high)
    }
    record.gapCount += count
  }

  #gapBytes(): number {
    return this.record.gapCount === 0 ? 0 : FRAME_HEADER_BYTES
  }

  /** Enters lost seqnos behind the bytes that wait. @returns the bytes that took */
  #sealGap(count: number): number {
    if (count === 0) return 0
    const low = this.record.word(GAP_SEQNO)
    const high = this.record.word(GAP_SEQNO + 4)
    this.#seal(this.#start + this.record.buffered, KIND_GAP, count, 0, low, high)
    return FRAME_HEADER_BYTES
  }

  #seal(
    frame: number,
    kind: number,
    count: number,
    payloadLength: number,
    baseLow: number,
    baseHigh: number,
  ): void {
    const offset = this.record.length + (frame - this.#start)
    const synced = this.record.syncedOffset
    this.#codec.writeHeader(frame, offset, kind, count, payloadLength, baseLow, baseHigh, synced)
    this.#codec.link(frame, payloadLength)
  }

  /** INVARIANT: nothing waits. */
  #appendLong(record: Uint8Array, payloadLength: number, count: number): void {
    const kernel = this.#kernel
    const bytes = frameBytes(payloadLength)
    const header = this.#start
    const low = this.record.word(NEXT_SEQNO)
    const high = this.record.word(NEXT_SEQNO + 4)
    this.#takeSeqnos(count)
    const synced = this.record.syncedOffset
    this.#codec.writeHeader(header, this.record.length, KIND_BATCH, count, payloadLength, low, high, synced)
    this.#codec.copyChain(CONTROL_JOURNAL_CHAIN, header)
    record.set(kernel.u8.subarray(header, header + FRAME_HEADER_BYTES))
    record.fill(0, FRAME_HEADER_BYTES + payloadLength, bytes)
    kernel.hashBytes(record.subarray(0, bytes), record, 0)
    try {
      this.#write(record, 0, bytes)
    } catch (error) {
      this.#lose(count, low, high)
      throw error
    }
    kernel.u8.set(record.subarray(0, CHAIN_BYTES), CONTROL_JOURNAL_CHAIN)
  }

  #write(source: Uint8Array, start: number, bytes: number): void {
    const { record } = this
    const room = this.#zeroedRoom
    try {
      room.enter(source, start, bytes)
      this.#file.write(source, start, bytes, record.length)
    } catch (cause) {
      throw this.#writeFailed(cause)
    }
    record.length += bytes
    record.clearFlag(FLAG_FULL)
    try {
      room.leave(source, start, bytes)
    } catch (cause) {
      // NOTE: what was to be written is. Whoever comes next is refused.
      this.#poison('Extending', cause)
    }
  }

  /** CRASH: until the cut is durable the failed group may come back, torn or whole; nobody has been told that it failed. */
  #writeFailed(cause: unknown): VarveError {
    if (!(cause instanceof VarveError) || cause.code !== 'DISK_FULL') return this.#poison('Writing', cause)
    this.record.setFlag(FLAG_FULL)
    try {
      this.#file.truncate(this.record.length)
      this.record.roomEnd = 0
    } catch (failure) {
      return this.#poison('Cutting back', failure)
    }
    try {
      this.#stage.now(true)
    } catch {
      // The stage has poisoned this journal.
    }
    const { poisoned } = this
    if (poisoned !== undefined) return poisoned
    return new VarveError(
      'DISK_FULL',
      `There is no space to extend ${this.name}; nothing of this write was kept. Free space and write again.`,
      { file: this.name, cause },
    )
  }

  #poison(doing: string, cause: unknown): VarveError {
    this.#poisoned ??= new VarveError(
      'POISONED',
      `${doing} ${this.name} failed, so the outcome of the last commits is unknown. ` +
        'Close the database and open it again to see what is on disk.',
      { file: this.name, cause },
    )
    this.record.setFlag(FLAG_POISONED)
    return this.#poisoned
  }

  /** Why no sync counts any more, if the whole database is poisoned. */
  #poisonedElsewhere(): VarveError | undefined {
    return Atomics.load(this.#words, CONTROL_POISON >>> 2) === 0 ? undefined : poisonedElsewhere(this.name)
  }
}

function poisonedElsewhere(name: string): VarveError {
  return new VarveError(
    'POISONED',
    `Writing or syncing failed elsewhere, so the outcome of the last commits to ${name} is unknown. ` +
      'Close the database and open it again to see what is on disk.',
    { file: name },
  )
}
