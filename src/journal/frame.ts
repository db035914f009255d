import { SLOT_HASH_STATE } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import {
  FRAME_BASE_SEQNO,
  FRAME_CHAIN,
  FRAME_CHECK,
  FRAME_COUNT,
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_PAYLOAD_LENGTH,
  FRAME_SYNCED_OFFSET,
  frameBytes,
  SALT_BYTES,
} from './format.ts'

/*
 *   frame   0       8            12     13      14     16            24      28             32              40
 *           ├ chain ┼ payload n  ┼ kind ┼ flags ┼ zero ┼ base seqno  ┼ count ┼ header check┼ synced offset ┼ payload … zeros
 *
 * The header check covers bytes that do not lie next to each other, so they are gathered in a scratch area in front
 * of the frames, in the same page:
 *
 *   scratch 0      16            24            44              52     56              64            72            128
 *           ├ salt ┼ file offset ┼ bytes 8..27 ┼ bytes 32..39  ┼ ──── ┼ hash result   ┼ chain so far┼ unused ─────┤ frames …
 */
const SCRATCH_OFFSET = 16
const SCRATCH_LENGTH = 24
const SCRATCH_SYNCED = 44
const CHECKED_BYTES = 52
const SCRATCH_RESULT = 56
const SCRATCH_CHAIN = 64
/** Bytes in front of the frames in a journal page. */
export const SCRATCH_BYTES = 128

/** 2^32: what the high word of a u64 counts. */
const HIGH = 4294967296

/**
 * Frame headers, header checks and chains of frames that lie in linear memory. Every method is per put: numbers in, words
 * copied, nothing allocated.
 * INVARIANT: frames lie at multiples of 4.
 */
export class FrameCodec {
  readonly #kernel: Kernel
  // NOTE: signed words: a word with its top bit set would be a number on the heap as u32, and never is as i32.
  readonly #words: Int32Array
  readonly #scratch: number

  constructor(kernel: Kernel, scratch: number) {
    this.#kernel = kernel
    this.#words = kernel.words
    this.#scratch = scratch
  }

  /** Address of the chain up to the last frame that was sealed or believed. */
  get chain(): number {
    return this.#scratch + SCRATCH_CHAIN
  }

  setSalt(salt: Uint8Array): void {
    this.#kernel.u8.set(salt.subarray(0, SALT_BYTES), this.#scratch)
  }

  /** Fills in the header of a frame that will lie at `offset` in the file, all but its chain. */
  writeHeader(
    frame: number,
    offset: number,
    kind: number,
    count: number,
    payloadLength: number,
    baseLow: number,
    baseHigh: number,
    syncedOffset: number,
  ): void {
    const words = this.#words
    const at = frame >>> 2
    words[at + (FRAME_PAYLOAD_LENGTH >>> 2)] = payloadLength
    words[at + (FRAME_KIND >>> 2)] = kind
    words[at + (FRAME_BASE_SEQNO >>> 2)] = baseLow
    words[at + (FRAME_BASE_SEQNO >>> 2) + 1] = baseHigh
    words[at + (FRAME_COUNT >>> 2)] = count
    words[at + (FRAME_SYNCED_OFFSET >>> 2)] = syncedOffset
    words[at + (FRAME_SYNCED_OFFSET >>> 2) + 1] = syncedOffset / HIGH
    this.#hashHeader(frame, offset)
    words[at + (FRAME_CHECK >>> 2)] = this.#word(this.#scratch + SCRATCH_RESULT)
  }

  /** Whether the header of a frame at `offset` can be believed on its own. */
  isHeaderIntact(frame: number, offset: number): boolean {
    this.#hashHeader(frame, offset)
    return this.#word(frame + FRAME_CHECK) === this.#word(this.#scratch + SCRATCH_RESULT)
  }

  /** What every frame fulfils: tells most bytes that are no frame without a checksum, and zeros above all. */
  isPlausible(frame: number, offset: number): boolean {
    const kind = this.#word(frame + FRAME_KIND)
    return (kind & 0xff) !== 0 && kind >>> 16 === 0 && this.#number(frame + FRAME_SYNCED_OFFSET) <= offset
  }

  /** Puts the chain so far into a frame of linear memory, padded with zeros, and moves the chain on to that frame. */
  link(frame: number, payloadLength: number): void {
    const bytes = frameBytes(payloadLength)
    const { u8, exports } = this.#kernel
    for (let at = frame + FRAME_HEADER_BYTES + payloadLength; at < frame + bytes; at++) u8[at] = 0
    this.copyChain(this.chain, frame + FRAME_CHAIN)
    exports.hash(frame, bytes, this.chain)
    this.copyChain(this.chain, frame + FRAME_CHAIN)
  }

  /**
   * Checks a frame of `bytes` bytes, of which the first `here` lie at `frame`, against the chain so far. What is not there
   * is asked for piece by piece: `more(done)` leaves the bytes from `done` on at `frame` and says how many they are.
   * Moves the chain on if it is right. The frame's own bytes are as before afterwards.
   */
  follows(frame: number, bytes: number, here: number, more: (done: number) => number): boolean {
    const words = this.#words
    const { exports, slot } = this.#kernel
    const result = this.#scratch + SCRATCH_RESULT
    const at = frame >>> 2
    const low = words[at] as number
    const high = words[at + 1] as number
    this.copyChain(this.chain, frame)
    if (here >= bytes) {
      exports.hash(frame, bytes, result)
      words[at] = low
      words[at + 1] = high
    } else {
      exports.hashBegin(slot + SLOT_HASH_STATE)
      exports.hashUpdate(slot + SLOT_HASH_STATE, frame, here)
      words[at] = low
      words[at + 1] = high
      for (let done = here; done < bytes;) {
        const length = more(done)
        exports.hashUpdate(slot + SLOT_HASH_STATE, frame, length)
        done += length
      }
      exports.hashFinish(slot + SLOT_HASH_STATE, result)
    }
    if (this.#word(result) !== low || this.#word(result + 4) !== high) return false
    this.copyChain(result, this.chain)
    return true
  }

  /** Copies 8 bytes of linear memory. */
  copyChain(from: number, to: number): void {
    const words = this.#words
    words[to >>> 2] = words[from >>> 2] as number
    words[(to >>> 2) + 1] = words[(from >>> 2) + 1] as number
  }

  setChain(chain: Uint8Array): void {
    this.#kernel.u8.set(chain.subarray(0, 8), this.chain)
  }

  /** A copy of the chain so far. */
  takeChain(): Uint8Array {
    return copyOut(this.#kernel.u8, this.chain, 8)
  }

  payloadLength(frame: number): number {
    return this.#word(frame + FRAME_PAYLOAD_LENGTH) >>> 0
  }

  /** The kind, with the flags above it: what is no known kind is refused as a whole. */
  kind(frame: number): number {
    return this.#word(frame + FRAME_KIND) >>> 0
  }

  /** NOTE: exact below 2^53; the reader refuses what is above. */
  baseSeqno(frame: number): number {
    return this.#number(frame + FRAME_BASE_SEQNO)
  }

  count(frame: number): number {
    return this.#word(frame + FRAME_COUNT) >>> 0
  }

  syncedOffset(frame: number): number {
    return this.#number(frame + FRAME_SYNCED_OFFSET)
  }

  #hashHeader(frame: number, offset: number): void {
    const words = this.#words
    const scratch = this.#scratch
    const from = (frame + FRAME_PAYLOAD_LENGTH) >>> 2
    const to = (scratch + SCRATCH_LENGTH) >>> 2
    words[(scratch + SCRATCH_OFFSET) >>> 2] = offset
    words[((scratch + SCRATCH_OFFSET) >>> 2) + 1] = offset / HIGH
    words[to] = words[from] as number
    words[to + 1] = words[from + 1] as number
    words[to + 2] = words[from + 2] as number
    words[to + 3] = words[from + 3] as number
    words[to + 4] = words[from + 4] as number
    const synced = (frame + FRAME_SYNCED_OFFSET) >>> 2
    words[(scratch + SCRATCH_SYNCED) >>> 2] = words[synced] as number
    words[((scratch + SCRATCH_SYNCED) >>> 2) + 1] = words[synced + 1] as number
    this.#kernel.exports.hash(scratch, CHECKED_BYTES, scratch + SCRATCH_RESULT)
  }

  #word(address: number): number {
    return this.#words[address >>> 2] as number
  }

  #number(address: number): number {
    const at = address >>> 2
    return ((this.#words[at + 1] as number) >>> 0) * HIGH + ((this.#words[at] as number) >>> 0)
  }
}

/** A copy of bytes of linear memory in memory of their own. */
export function copyOut(u8: Uint8Array, from: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  bytes.set(u8.subarray(from, from + length))
  return bytes
}
