import { ENTRY_HEADER_BYTES, PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { memoryFor } from '../bytes.ts'
import { corrupt, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BatchWalk } from './batch-walk.ts'
import { FileWindow } from './file-window.ts'
import {
  decodeHeader,
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_CHECKSUM,
  HEADER_MAX_BYTES,
  isKnownKind,
  JOURNAL_HEADER_BYTES,
  KIND_BATCH,
  KIND_GAP,
  padded,
  type DecodedHeader,
} from './format.ts'
import { copyOut, FrameCodec, SCRATCH_BYTES } from './frame.ts'
import { lastTear, TEAR_BYTES } from './zeroed-room.ts'

/** Why the bytes at an offset are not the next valid frame. */
export type FrameDamage =
  /** The file ends before the frame does: fewer bytes than a frame header, or an intact header that asks for more. Or its end is zeros, as where a killed process began to write it. */
  | 'incomplete-frame'
  | 'bad-header-check'
  | 'bad-chain'
  /** The file ends, between frames, before it should. */
  | 'ends-early'
  /** A whole frame lies across the place where the journal should end. */
  | 'crosses-end'
  // As it was written, but not by us:
  | 'unknown-kind'
  | 'bad-seqno'
  | 'malformed-frame'

/** A record of the journal. Its payload may be overwritten by the next step of the reader. */
export interface JournalFrame {
  /** Where the frame starts in the file. */
  readonly offset: number
  readonly kind: number
  /** Seqnos the record takes, from `baseSeqno`. NOTE: that a batch has as many entries is for whoever applies it to check. */
  readonly count: number
  readonly baseSeqno: number
  readonly syncedOffset: number
  readonly payload: Uint8Array
  /** Address of the payload if it lies in linear memory, else 0. */
  readonly pointer: number
}

/**
 * Steps through the frames of a journal, checking each of them. Memory: one page, whatever the file says.
 * A cursor whose step did not say `frame` stays where it is.
 */
export class FrameCursor {
  readonly window: FileWindow
  readonly codec: FrameCodec
  /** Where the next frame starts: everything before is valid. */
  position: number = JOURNAL_HEADER_BYTES
  // The current frame, after a step that said `frame`.
  offset = 0
  /** Address of the frame in linear memory; all of it is there if it fits the window. */
  address = 0
  kind = 0
  count = 0
  baseSeqno = 0
  syncedOffset = 0
  payloadLength = 0
  /** Off: only the chains are checked, for want of a salt. */
  checkHeaders = true
  /** Where the payload of frames that do not fit the window is put; undefined: nowhere. */
  large: ((payloadLength: number) => Uint8Array | undefined) | undefined
  /** Looks at what is in batches; undefined: they are taken as they are. */
  batches: BatchWalk | undefined
  readonly #kernel: Kernel
  readonly #end: number
  /** Nobody but the file says where it ends: zeros may follow the last frame (zeroed-room.ts). */
  readonly #isOpenEnded: boolean
  #nextSeqno = 0

  /**
   * @param page a page of linear memory, the cursor's until it is no longer used
   * @param end where the journal ends; undefined: with the file
   * @param isBehindRead whether what is behind the end is read, too: then the file must not become shorter
   */
  constructor(kernel: Kernel, file: File, page: number, end: number | undefined, isBehindRead = true) {
    this.#kernel = kernel
    this.codec = new FrameCodec(kernel, page)
    this.window = new FileWindow(
      kernel,
      file,
      page + SCRATCH_BYTES,
      PAGE_BYTES - SCRATCH_BYTES,
      isBehindRead ? undefined : end,
    )
    this.#end = end ?? this.window.fileLength
    this.#isOpenEnded = end === undefined
  }

  /** Reads the file header and, if there is one, prepares for the frames behind it. */
  readHeader(): { bytes: Uint8Array; decoded: DecodedHeader } {
    const length = Math.min(HEADER_MAX_BYTES, this.window.fileLength)
    const bytes = copyOut(this.#kernel.u8, this.window.at(0, length), length)
    const hash = (input: Uint8Array, target: Uint8Array, at: number): void =>
      this.#kernel.hashBytes(input, target, at)
    const decoded = decodeHeader(bytes, hash)
    if (decoded.kind === 'header') {
      this.codec.setSalt(decoded.header.salt)
      this.codec.setChain(bytes.subarray(HEADER_CHECKSUM))
    }
    return { bytes, decoded }
  }

  /** Goes on behind damage. `chain`: what the frame before `position` left. The seqnos start anew. */
  resume(position: number, chain: Uint8Array): void {
    this.position = position
    this.codec.setChain(chain)
    this.#nextSeqno = 0
  }

  /** The next seqno after the frames so far; undefined before the first. */
  get nextSeqno(): number | undefined {
    return this.#nextSeqno === 0 ? undefined : this.#nextSeqno
  }

  /** Steps to the next frame. `end`: the journal ends here, as it should. */
  next(): 'frame' | 'end' | FrameDamage {
    const at = this.position
    const end = this.#end
    if (at === end) return 'end'
    const remaining = this.window.fileLength - at
    if (remaining === 0) return 'ends-early'
    if (remaining < FRAME_HEADER_BYTES) return this.#isUnwritten(at) ? 'end' : 'incomplete-frame'
    const codec = this.codec
    const header = this.window.at(at, FRAME_HEADER_BYTES)
    if (this.checkHeaders && !codec.isHeaderIntact(header, at)) {
      if (this.#isUnwritten(at)) return 'end'
      return this.#isTorn(at, FRAME_HEADER_BYTES) ? 'incomplete-frame' : 'bad-header-check'
    }
    const payloadLength = codec.payloadLength(header)
    const bytes = frameBytes(payloadLength)
    if (bytes > remaining) return 'incomplete-frame'
    if (bytes > end - at) return 'crosses-end'
    if (!this.#readFrame(at, bytes, payloadLength))
      return this.#isTorn(at, bytes) ? 'incomplete-frame' : 'bad-chain'
    const damage = this.#judge(at) ?? this.#judgeBatch()
    if (damage !== undefined) return damage
    this.batches?.accept(at)
    this.offset = at
    this.position = at + bytes
    this.#nextSeqno = this.baseSeqno + this.count
    return 'frame'
  }

  /** Where what was written from `at` on ends, in front of the room if there is any. */
  writtenEnd(at: number): number {
    const { fileLength } = this.window
    return this.#isOpenEnded && fileLength % TEAR_BYTES === 0 ? this.#zerosFrom(at) : fileLength
  }

  /** NOTE: of any length, as where there was no space for all of the room. */
  #isUnwritten(at: number): boolean {
    if (!this.#isOpenEnded) return false
    const address = this.window.at(at, 1)
    return this.#kernel.u8[address] === 0 && this.#zerosFrom(at) === at
  }

  /** Whether a write of `bytes` at `at` was cut off in the room. */
  #isTorn(at: number, bytes: number): boolean {
    const tear = lastTear(at + bytes)
    return tear > at && at + bytes < this.window.fileLength && this.writtenEnd(at) <= tear
  }

  /** The place, from `at` on, from which on the file holds zeros only: a multiple of 8. */
  #zerosFrom(at: number): number {
    const { window } = this
    const { u8 } = this.#kernel
    let end = at
    for (let from = at; from < window.fileLength; from += window.available(from)) {
      window.load(from)
      const address = window.at(from, 1)
      let last = window.available(from)
      while (last > 0 && u8[address + last - 1] === 0) last--
      if (last > 0) end = from + last
    }
    return padded(end)
  }

  /** Loads the frame's fields and checks its chain. Large frames pass through the window and are not in it afterwards. */
  #readFrame(at: number, bytes: number, payloadLength: number): boolean {
    const { codec, window } = this
    const address = window.at(at, bytes)
    this.address = address
    this.kind = codec.kind(address)
    this.count = codec.count(address)
    this.baseSeqno = codec.baseSeqno(address)
    this.syncedOffset = codec.syncedOffset(address)
    this.payloadLength = payloadLength
    const here = window.available(at)
    const { batches } = this
    batches?.begin(payloadLength)
    batches?.pass(address + FRAME_HEADER_BYTES, Math.min(here, bytes) - FRAME_HEADER_BYTES)
    if (here >= bytes) return codec.follows(address, bytes, bytes, noMore)
    const large = this.large?.(payloadLength)
    this.#keep(large, 0, address + FRAME_HEADER_BYTES, here - FRAME_HEADER_BYTES)
    return codec.follows(address, bytes, here, (done) => {
      window.load(at + done)
      const length = Math.min(bytes - done, window.available(at + done))
      batches?.pass(address, length)
      this.#keep(large, done - FRAME_HEADER_BYTES, address, length)
      return length
    })
  }

  /** Copies a piece of a payload, without the padding behind it. */
  #keep(large: Uint8Array | undefined, at: number, address: number, length: number): void {
    if (large === undefined || at >= large.byteLength) return
    const kept = Math.min(length, large.byteLength - at)
    large.set(this.#kernel.u8.subarray(address, address + kept), at)
  }

  /** What a frame may not say although its chain is right. */
  #judge(at: number): FrameDamage | undefined {
    const { kind, count, baseSeqno, payloadLength } = this
    if (!isKnownKind(kind)) return 'unknown-kind'
    const expected = this.#nextSeqno === 0 ? baseSeqno : this.#nextSeqno
    if (baseSeqno !== expected || baseSeqno < 1 || baseSeqno + count > Number.MAX_SAFE_INTEGER)
      return 'bad-seqno'
    if (count === 0 || this.syncedOffset > at) return 'malformed-frame'
    if (kind === KIND_GAP && payloadLength !== 0) return 'malformed-frame'
    if (kind === KIND_BATCH && payloadLength < count * ENTRY_HEADER_BYTES) return 'malformed-frame'
    return undefined
  }

  /** The same of the entries in a batch. */
  #judgeBatch(): FrameDamage | undefined {
    const { batches } = this
    if (this.kind !== KIND_BATCH || batches === undefined) return undefined
    if (batches.isUnknown) return 'unknown-kind'
    return batches.isWhole && batches.entries === this.count ? undefined : 'malformed-frame'
  }
}

/**
 * Reads the frames of a journal up to `end`, a length at which scanJournal found a frame to end, checking them again.
 * The caller may do other things between two frames.
 *
 * @param maxPayloadBytes a larger record is NO_MEMORY; none allocates more
 * @throws CORRUPT, IO, NO_MEMORY
 */
export function* readFrames(
  kernel: Kernel,
  file: File,
  end: number,
  maxPayloadBytes: number,
): Generator<JournalFrame, void, void> {
  const page = kernel.page()
  try {
    const cursor = new FrameCursor(kernel, file, page, end)
    if (cursor.readHeader().decoded.kind !== 'header') throw corrupt(file.name, 0, 'the header is not intact')
    let large: Uint8Array | undefined
    cursor.large = (length) => (large = length <= maxPayloadBytes ? memoryFor(length) : undefined)
    for (;;) {
      large = undefined
      const step = cursor.next()
      if (step === 'end') return
      if (step !== 'frame') throw corrupt(file.name, cursor.position, `${step} where a frame was before`)
      yield frameOf(kernel, file, cursor, large)
    }
  } finally {
    kernel.exports.freePage(page)
  }
}

/** The record at which a cursor stands. `large`: its payload, if that did not fit the window. @throws NO_MEMORY */
export function frameOf(
  kernel: Kernel,
  file: File,
  cursor: FrameCursor,
  large: Uint8Array | undefined,
): JournalFrame {
  const { offset, kind, count, baseSeqno, syncedOffset, payloadLength, address } = cursor
  const inMemory = frameBytes(payloadLength) <= PAGE_BYTES - SCRATCH_BYTES
  const pointer = inMemory ? address + FRAME_HEADER_BYTES : 0
  const payload = inMemory ? kernel.u8.subarray(pointer, pointer + payloadLength) : large
  if (payload === undefined) {
    throw new VarveError(
      'NO_MEMORY',
      `${file.name} holds a record of ${payloadLength} bytes; open with a larger memoryLimit.`,
      { file: file.name, offset },
    )
  }
  return { offset, kind, count, baseSeqno, syncedOffset, payload, pointer }
}

function noMore(): number {
  return 0
}
