import {
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** A keyspace that is written to, and the frame that does it first. */
export interface WrittenKeyspace {
  readonly id: number
  readonly offset: number
}

/**
 * Looks through the entries of batches as they pass, piece by piece, so that what cannot be replayed is known before anything is changed.
 * NOTE: whatever a piece says, no more than the piece is read.
 */
export class BatchWalk {
  /** Of the frames that were accepted: the keyspace with the highest id. */
  highest: WrittenKeyspace | undefined
  /** Entries of the batch under way. */
  entries = 0
  /** The batch has an entry of a type that is not of this version. */
  isUnknown = false
  #isMalformed = false
  #highestId = -1
  readonly #kernel: Kernel
  /** Bytes of the payload that have not passed; those that no entry has claimed; and those of an entry that is being passed over. */
  #left = 0
  #unclaimed = 0
  #passing = 0
  /** The part of an entry's header that a piece ended with. */
  readonly #header: Uint8Array = new Uint8Array(ENTRY_HEADER_BYTES)
  readonly #headerView: DataView = new DataView(this.#header.buffer)
  #headerBytes = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  begin(payloadLength: number): void {
    this.entries = 0
    this.isUnknown = false
    this.#isMalformed = false
    this.#highestId = -1
    this.#left = payloadLength
    this.#unclaimed = payloadLength
    this.#passing = 0
    this.#headerBytes = 0
  }

  /** The next piece, in linear memory; what goes beyond the payload is not looked at. */
  pass(address: number, length: number): void {
    const { u8, view } = this.#kernel
    const end = address + Math.min(length, this.#left)
    this.#left -= end - address
    for (let at = address; at < end && !this.isUnknown && !this.#isMalformed;) {
      if (this.#passing > 0) {
        const bytes = Math.min(this.#passing, end - at)
        this.#passing -= bytes
        at += bytes
      } else if (this.#headerBytes === 0 && end - at >= ENTRY_HEADER_BYTES) {
        this.#enter(view, at)
        at += ENTRY_HEADER_BYTES
      } else {
        const bytes = Math.min(ENTRY_HEADER_BYTES - this.#headerBytes, end - at)
        this.#header.set(u8.subarray(at, at + bytes), this.#headerBytes)
        this.#headerBytes += bytes
        at += bytes
        if (this.#headerBytes < ENTRY_HEADER_BYTES) continue
        this.#headerBytes = 0
        this.#enter(this.#headerView, 0)
      }
    }
  }

  /** Whether the entries add up to the payload. */
  get isWhole(): boolean {
    return !this.#isMalformed && this.#unclaimed === 0
  }

  /** The batch is valid, in the frame at `offset`. */
  accept(offset: number): void {
    if (this.#highestId > (this.highest?.id ?? -1)) this.highest = { id: this.#highestId, offset }
  }

  /** An entry's header. */
  #enter(view: DataView, at: number): void {
    const type = view.getUint8(at + ENTRY_TYPE)
    const bodyBytes =
      view.getUint16(at + ENTRY_KEY_LENGTH, true) + view.getUint32(at + ENTRY_VALUE_LENGTH, true)
    this.#unclaimed -= ENTRY_HEADER_BYTES
    if (type !== TYPE_VALUE && type !== TYPE_TOMBSTONE && type !== TYPE_WEAK_TOMBSTONE) {
      this.isUnknown = true
    } else if (
      bodyBytes > this.#unclaimed ||
      view.getUint8(at + ENTRY_TYPE + 1) !== 0 ||
      (type !== TYPE_VALUE && view.getUint32(at + ENTRY_VALUE_LENGTH, true) !== 0)
    ) {
      this.#isMalformed = true
    } else {
      this.entries++
      this.#unclaimed -= bodyBytes
      this.#passing = bodyBytes
      this.#highestId = Math.max(this.#highestId, view.getUint32(at + ENTRY_KEYSPACE, true))
    }
  }
}
