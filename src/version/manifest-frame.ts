/**
 * Frames of a manifest: one edit each, chained to its predecessor, padded to a multiple of 8 bytes
 * (docs/manifest-format.md).
 *
 *   chain 8 | payload length u32 | header check 4 | durable length u64 | payload | zero padding
 */
import { isZero } from '../bytes.ts'
import { getU64, hash, putU64, viewOf, type Hasher } from './binary.ts'

export const FRAME_HEADER_BYTES = 24
export const FRAME_ALIGNMENT = 8
const chainBytes = 8
const lengthAt = 8
const checkAt = 12
const checkBytes = 4
const durableAt = 16
const saltBytes = 16
/** salt, file offset, payload length, durable length. */
const checkedBytes = saltBytes + 8 + 4 + 8

/** What a frame's header says, believed on its own. */
export interface FrameHeader {
  /** With header and padding. */
  readonly frameBytes: number
  readonly payloadBytes: number
  /** The manifest was durable up to there when the frame was written. */
  readonly durableLength: number
}

export type FrameCheck =
  | {
      readonly kind: 'valid'
      readonly header: FrameHeader
      readonly payload: Uint8Array
      /** Of the manifest up to the end of this frame. */
      readonly chain: Uint8Array
    }
  /** What a write that was cut short leaves: a beginning of a frame, and then the file ends. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'damaged'; readonly what: string }

/** Makes and checks the frames of one manifest. */
export class FrameFormat {
  readonly #hasher: Hasher
  readonly #checked = new Uint8Array(checkedBytes)
  readonly #checkedView: DataView = viewOf(this.#checked)
  readonly #result = new Uint8Array(chainBytes)

  constructor(hasher: Hasher, salt: Uint8Array) {
    this.#hasher = hasher
    this.#checked.set(salt)
  }

  /** A frame to be written at `offset`, behind `chain`. Its first 8 bytes are the new chain. */
  encode(payload: Uint8Array, offset: number, chain: Uint8Array, durableLength: number): Uint8Array {
    const bytes = new Uint8Array(frameBytesOf(payload.byteLength))
    const view = viewOf(bytes)
    bytes.set(chain)
    view.setUint32(lengthAt, payload.byteLength, true)
    putU64(view, durableAt, durableLength)
    bytes.set(payload, FRAME_HEADER_BYTES)
    this.#hashHeader(bytes, 0, offset)
    bytes.set(this.#result.subarray(0, checkBytes), checkAt)
    bytes.set(hash(this.#hasher, bytes))
    return bytes
  }

  /** The header of the frame at `offset` of the file `bytes`, or undefined if its check fails or it is cut off. */
  header(bytes: Uint8Array, offset: number): FrameHeader | undefined {
    if (bytes.byteLength - offset < FRAME_HEADER_BYTES) return undefined
    this.#hashHeader(bytes, offset, offset)
    for (let i = 0; i < checkBytes; i++) {
      if (this.#result[i] !== bytes[offset + checkAt + i]) return undefined
    }
    const view = viewOf(bytes)
    const payloadBytes = view.getUint32(offset + lengthAt, true)
    const durableLength = getU64(view, offset + durableAt)
    // NOTE: no writer claims more than what lies before the frame, so this is a hash that happens to fit.
    if (durableLength > offset || durableLength % FRAME_ALIGNMENT !== 0) return undefined
    return { frameBytes: frameBytesOf(payloadBytes), payloadBytes, durableLength }
  }

  /** Checks the frame at `offset` of the file `bytes` (which are as before when this returns). */
  check(bytes: Uint8Array, offset: number, chain: Uint8Array): FrameCheck {
    const left = bytes.byteLength - offset
    if (left < FRAME_HEADER_BYTES) return { kind: 'incomplete' }
    const header = this.header(bytes, offset)
    if (header === undefined) return { kind: 'damaged', what: 'the header of an edit fails its checksum' }
    const { frameBytes, payloadBytes } = header
    if (frameBytes > left) return { kind: 'incomplete' }
    const frame = bytes.subarray(offset, offset + frameBytes)
    const stored = frame.slice(0, chainBytes)
    frame.set(chain)
    this.#hasher.hashBytes(frame, this.#result, 0)
    frame.set(stored)
    if (!stored.every((byte, i) => byte === this.#result[i])) {
      return { kind: 'damaged', what: 'an edit fails its checksum' }
    }
    const payloadEnd = FRAME_HEADER_BYTES + payloadBytes
    if (!isZero(frame.subarray(payloadEnd)))
      return { kind: 'damaged', what: 'the padding of an edit is not zero' }
    return { kind: 'valid', header, payload: frame.subarray(FRAME_HEADER_BYTES, payloadEnd), chain: stored }
  }

  /**
   * The highest length that a frame behind the damage at `offset` says was durable, if that covers the damage; else 0.
   * Frames are found by their header checks.
   */
  provenBehind(bytes: Uint8Array, offset: number): number {
    const view = viewOf(bytes)
    const last = bytes.byteLength - FRAME_HEADER_BYTES
    let proven = 0
    for (let at = offset + FRAME_ALIGNMENT; at <= last; at += FRAME_ALIGNMENT) {
      const claimed = getU64(view, at + durableAt)
      // NOTE: hashing only what would count keeps the search linear for all but made-up files.
      if (claimed <= offset || claimed <= proven || claimed > at) continue
      proven = this.header(bytes, at)?.durableLength ?? proven
    }
    return proven
  }

  /** Leaves the hash of a header in #result. */
  #hashHeader(bytes: Uint8Array, at: number, offset: number): void {
    const checked = this.#checked
    putU64(this.#checkedView, saltBytes, offset)
    checked.set(bytes.subarray(at + lengthAt, at + checkAt), saltBytes + 8)
    checked.set(bytes.subarray(at + durableAt, at + FRAME_HEADER_BYTES), saltBytes + 12)
    this.#hasher.hashBytes(checked, this.#result, 0)
  }
}

function frameBytesOf(payloadBytes: number): number {
  return Math.ceil((FRAME_HEADER_BYTES + payloadBytes) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT
}
