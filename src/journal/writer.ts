import {
  CONTROL_JOURNAL_CHAIN,
  CONTROL_JOURNAL_SALT,
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
import { SyncStage, type EarlierJournal } from './sync-stage.ts'

/** Room for bytes that wait and for the frame under construction. */
export const JOURNAL_BUFFER_BYTES: number = PAGE_BYTES - SCRATCH_BYTES
/** As many bytes may wait in the buffer; what reaches this goes to the file. */
const HOLD_BYTES = 65536
const U32_MAX = 4294967295

/**
 * Appends to one fresh journal file. Used by one thread at a time, under the journal mutex; only what a `syncAsync` still
 * does runs beside it.
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
  limitBytes: number
  readonly #kernel: Kernel
  readonly #file: File
  readonly #words: Int32Array
  readonly #codec: FrameCodec
  readonly #stage: SyncStage
  /** 0 once sealed or closed. */
  #page: number
  readonly #start: number
  #length = 0
  #buffered: number = JOURNAL_HEADER_BYTES
  /** Address of the frame under construction, 0 = none, and the payload it has room for. */
  #frame = 0
  #room = 0
  /** The next group's base seqno. */
  #nextLow: number
  #nextHigh: number
  /** Seqnos given out to groups that failed and not entered yet. */
  #gapLow = 0
  #gapHigh = 0
  #gapCount = 0
  /** The last write found no space: until one succeeds nothing is acknowledged, not even into the buffer. */
  #full = false
  #poisoned: VarveError | undefined
  /** Why nothing can be appended any more: poisoned, sealed or closed. */
  #stopped: VarveError | undefined
  #sealed: JournalLink | undefined
  #closed = false

  /**
   * @param file empty, open for writing; the writer closes it
   * @param header what its header will say; it is written with the first write
   * @param nextSeqno base of the first group
   * @param earlier the journal before this one, unless it is known to be durable
   * @param limitBytes when it is that long it should be left for another one
   * @throws NO_MEMORY
   */
  constructor(
    kernel: Kernel,
    file: File,
    header: JournalHeader,
    nextSeqno: number,
    earlier?: EarlierJournal,
    limitBytes: number = Infinity,
  ) {
    this.id = header.journalId
    this.name = file.name
    this.limitBytes = limitBytes
    this.#kernel = kernel
    this.#file = file
    this.#words = new Int32Array(kernel.memory.buffer)
    this.#page = kernel.page()
    this.#start = this.#page + SCRATCH_BYTES
    this.#codec = new FrameCodec(kernel, this.#page)
    this.#codec.setSalt(header.salt)
    this.#nextLow = nextSeqno | 0
    this.#nextHigh = (nextSeqno / 4294967296) | 0
    const client = {
      length: () => this.#length,
      poisoned: () => this.#poisoned,
      syncFailed: (cause: unknown) => this.#poison('Syncing', cause),
    }
    this.#stage = new SyncStage(file, client, earlier)
    const bytes = encodeHeader(header, (input, target, at) => kernel.hashBytes(input, target, at))
    kernel.u8.set(bytes, this.#start)
    kernel.u8.set(header.salt, CONTROL_JOURNAL_SALT)
    kernel.u8.set(bytes.subarray(HEADER_CHECKSUM), CONTROL_JOURNAL_CHAIN)
  }

  /** Bytes in the file. */
  get length(): number {
    return this.#length
  }

  /** Bytes that were acknowledged and are not in the file yet. */
  get bufferedBytes(): number {
    return this.#buffered
  }

  /** The file is durable up to here. */
  get syncedOffset(): number {
    return this.#stage.syncedOffset
  }

  /** A copy of the last acknowledged frame's chain (of the header's, before the first). */
  get chain(): Uint8Array {
    return this.#sealed?.chain ?? copyOut(this.#kernel.u8, CONTROL_JOURNAL_CHAIN, CHAIN_BYTES)
  }

  /** Set once the outcome of a write or sync is unknown; nothing is appended or synced from then on. */
  get poisoned(): VarveError | undefined {
    return this.#poisoned
  }

  /**
   * Where the caller builds the payload of the next frame, of at most `payloadBytes`: an address in linear memory. Writes what
   * waits in the buffer if there is no room beside it.
   * @returns 0 when no frame of this size fits: use appendRecord
   * @throws DISK_FULL (no seqnos are entered as lost), POISONED
   */
  reserve(payloadBytes: number): number {
    if (this.#stopped !== undefined) throw this.#stopped
    const bytes = frameBytes(payloadBytes)
    if (bytes > JOURNAL_BUFFER_BYTES) return 0
    const waiting = this.#buffered + this.#gapBytes()
    if (waiting + bytes > JOURNAL_BUFFER_BYTES || this.#gapCount > U32_MAX) this.writeOut()
    this.#frame = this.#start + this.#buffered + this.#gapBytes()
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
    if (this.#stopped !== undefined) throw this.#stopped
    const frame = this.#frame
    if (frame === 0 || payloadLength > this.#room)
      throw new Error('journal: no frame of this size is reserved')
    this.#frame = 0
    const low = this.#nextLow
    const high = this.#nextHigh
    this.#takeSeqnos(count)
    const codec = this.#codec
    codec.copyChain(CONTROL_JOURNAL_CHAIN, codec.chain)
    this.#sealGap(this.#gapCount)
    this.#seal(frame, kind, count, payloadLength, low, high)
    const bytes = frame - this.#start + frameBytes(payloadLength)
    if (hold && !this.#full && bytes < HOLD_BYTES) {
      this.#buffered = bytes
    } else {
      try {
        this.#write(this.#kernel.u8, this.#start, bytes)
      } catch (error) {
        this.#lose(count, low, high)
        throw error
      }
      this.#buffered = 0
    }
    this.#gapCount = 0
    codec.copyChain(codec.chain, CONTROL_JOURNAL_CHAIN)
  }

  /**
   * Appends a batch encoded in JavaScript memory: FRAME_HEADER_BYTES free bytes, the payload, and at least 8 bytes behind it, which
   * become padding. The group is as in `append`. A record that does not fit the buffer is written at once, by a write of its own.
   * @throws as `append`
   */
  appendRecord(record: Uint8Array, payloadLength: number, count: number, hold: boolean): void {
    if (this.#stopped !== undefined) throw this.#stopped
    const bytes = frameBytes(payloadLength)
    if (record.byteLength < bytes) throw new RangeError('journal: a record needs room for its padding')
    let at: number
    try {
      at = this.reserve(payloadLength)
      if (at === 0) this.writeOut()
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
    const low = this.#nextLow
    const high = this.#nextHigh
    this.#takeSeqnos(count)
    this.#lose(count, low, high)
  }

  /** Hands to the system what waits in the buffer. @throws DISK_FULL (it goes on waiting), POISONED */
  writeOut(): void {
    if (this.#poisoned !== undefined) throw this.#poisoned
    if (this.#buffered === 0 && this.#gapCount === 0) return
    if (this.#stopped !== undefined) throw this.#stopped
    const codec = this.#codec
    this.#frame = 0
    do {
      const count = Math.min(this.#gapCount, U32_MAX)
      codec.copyChain(CONTROL_JOURNAL_CHAIN, codec.chain)
      const gap = this.#sealGap(count)
      this.#write(this.#kernel.u8, this.#start, this.#buffered + gap)
      this.#buffered = 0
      codec.copyChain(codec.chain, CONTROL_JOURNAL_CHAIN)
      const low = (this.#gapLow >>> 0) + count
      this.#gapLow = low | 0
      if (low > U32_MAX) this.#gapHigh = (this.#gapHigh + 1) | 0
      this.#gapCount -= count
    } while (this.#gapCount > 0)
  }

  /** Makes everything acknowledged durable. @throws DISK_FULL (of `writeOut`), POISONED */
  sync(): void {
    this.writeOut()
    if (this.#stage.syncedOffset < this.#length) this.#stage.now()
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

  /**
   * Ends the journal: writes out what waits; nothing can be appended afterwards. It is NOT synced yet.
   * @returns where it ends, for its successor's header and for the manifest
   * @throws DISK_FULL (it goes on), POISONED
   */
  seal(): JournalLink {
    if (this.#sealed !== undefined) return this.#sealed
    this.writeOut()
    if (this.#stopped !== undefined) throw this.#stopped
    this.#sealed = { id: this.id, length: this.#length, chain: this.chain }
    this.#stopped = new VarveError('CLOSED', `The journal ${this.name} is sealed.`, { file: this.name })
    this.#freePage()
    return this.#sealed
  }

  /** Gives page and file back, at the end of a running syncAsync. Neither writes nor syncs. Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stopped ??= new VarveError('CLOSED', `The journal ${this.name} is closed.`, { file: this.name })
    this.#freePage()
    const close = (): void => this.#file.close()
    if (this.#stage.running === undefined) close()
    else this.#stage.running.then(close, close)
  }

  #freePage(): void {
    if (this.#page !== 0) this.#kernel.exports.freePage(this.#page)
    this.#page = 0
  }

  /** INVARIANT: seqnos reach the journal in order and without holes; whoever took some appends or abandons them. */
  #takeSeqnos(count: number): void {
    const at = (this.#kernel.slot + SLOT_GROUP_SEQNO) >>> 2
    if (this.#words[at] !== this.#nextLow || this.#words[at + 1] !== this.#nextHigh || !(count >= 1)) {
      throw new Error('journal: the group is not the next one')
    }
    const low = (this.#nextLow >>> 0) + count
    this.#nextLow = low | 0
    if (low > U32_MAX) this.#nextHigh = (this.#nextHigh + 1) | 0
  }

  #lose(count: number, low: number, high: number): void {
    // NOTE: the place of a frame under construction depends on the gap before it.
    this.#frame = 0
    if (this.#gapCount === 0) {
      this.#gapLow = low
      this.#gapHigh = high
    }
    this.#gapCount += count
  }

  #gapBytes(): number {
    return this.#gapCount === 0 ? 0 : FRAME_HEADER_BYTES
  }

  /** Enters lost seqnos behind the bytes that wait. @returns the bytes that took */
  #sealGap(count: number): number {
    if (count === 0) return 0
    this.#seal(this.#start + this.#buffered, KIND_GAP, count, 0, this.#gapLow, this.#gapHigh)
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
    const offset = this.#length + (frame - this.#start)
    const synced = this.#stage.syncedOffset
    this.#codec.writeHeader(frame, offset, kind, count, payloadLength, baseLow, baseHigh, synced)
    this.#codec.link(frame, payloadLength)
  }

  /** INVARIANT: nothing waits. */
  #appendLong(record: Uint8Array, payloadLength: number, count: number): void {
    const kernel = this.#kernel
    const bytes = frameBytes(payloadLength)
    const header = this.#start
    const low = this.#nextLow
    const high = this.#nextHigh
    this.#takeSeqnos(count)
    const synced = this.#stage.syncedOffset
    this.#codec.writeHeader(header, this.#length, KIND_BATCH, count, payloadLength, low, high, synced)
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
    try {
      this.#file.write(source, start, bytes, this.#length)
    } catch (cause) {
      throw this.#writeFailed(cause)
    }
    this.#length += bytes
    this.#full = false
  }

  /** CRASH: until the cut is durable the failed group may come back, torn or whole; nobody has been told that it failed. */
  #writeFailed(cause: unknown): VarveError {
    if (!(cause instanceof VarveError) || cause.code !== 'DISK_FULL') return this.#poison('Writing', cause)
    this.#full = true
    try {
      this.#file.truncate(this.#length)
    } catch (failure) {
      return this.#poison('Cutting back', failure)
    }
    try {
      this.#stage.now()
    } catch {
      // The stage has poisoned this journal.
    }
    if (this.#poisoned !== undefined) return this.#poisoned
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
    this.#stopped = this.#poisoned
    return this.#poisoned
  }
}
