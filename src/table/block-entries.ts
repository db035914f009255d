import {
  BLOCK_PAYLOAD_TRAILER,
  FLAG_WIDE_RESTARTS,
  TRAILER_BASE_SEQNO,
  TRAILER_FLAGS,
  TRAILER_INTERVAL,
  TRAILER_RESTART_ARRAY,
  TRAILER_RESTARTS,
} from '../../assembly/table/block-layout.ts'

/**
 * The entries of a data or index block's payload (docs/table-format.md), read in JavaScript: for who looks at a few of them and wants to keep what he
 * saw. INVARIANT: the payload passed checkBlock, and stays as it is.
 */
export class BlockEntries {
  /** Of the entry it stands at: a copy, for the next entry begins like this one. */
  key: Uint8Array = new Uint8Array(0)
  seqno = 0
  /** Type and flags. */
  typeByte = 0
  /** A view of the payload. */
  value: Uint8Array = new Uint8Array(0)
  readonly #payload: Uint8Array
  readonly #entriesEnd: number
  readonly #interval: number
  readonly #baseSeqno: number
  /** Where the last restart head lies, and its ordinal. */
  readonly #lastHead: number
  readonly #lastHeadOrdinal: number
  #head: Uint8Array = new Uint8Array(0)
  #at = 0
  /** Of the next entry. */
  #ordinal = 0

  constructor(payload: Uint8Array) {
    const { buffer, byteOffset, byteLength } = payload
    const view = new DataView(buffer, byteOffset, byteLength)
    const trailer = byteLength - BLOCK_PAYLOAD_TRAILER
    const restarts = view.getUint32(trailer + TRAILER_RESTARTS, true)
    const isWide = view.getUint8(trailer + TRAILER_FLAGS) === FLAG_WIDE_RESTARTS
    this.#payload = payload
    this.#baseSeqno = Number(view.getBigUint64(trailer + TRAILER_BASE_SEQNO, true))
    this.#entriesEnd = view.getUint32(trailer + TRAILER_RESTART_ARRAY, true)
    this.#interval = view.getUint8(trailer + TRAILER_INTERVAL)
    this.#lastHeadOrdinal = (restarts - 1) * this.#interval
    this.#lastHead = isWide
      ? view.getUint32(this.#entriesEnd + 4 * (restarts - 1), true)
      : view.getUint16(this.#entriesEnd + 2 * (restarts - 1), true)
  }

  first(): void {
    this.#at = 0
    this.#ordinal = 0
    this.next()
  }

  last(): void {
    this.#at = this.#lastHead
    this.#ordinal = this.#lastHeadOrdinal
    while (this.next());
  }

  /** Goes to the next entry; from a new cursor, to the first. @returns false behind the last, where it stays */
  next(): boolean {
    if (this.#at === this.#entriesEnd) return false
    const payload = this.#payload
    this.typeByte = payload[this.#at++] as number
    const shared = this.#varint()
    const restLength = this.#varint()
    const valueLength = this.#varint()
    this.seqno = this.#baseSeqno + this.#varint()
    const rest = this.#at
    const value = rest + restLength
    this.#at = value + valueLength
    const key = new Uint8Array(shared + restLength)
    key.set(this.#head.subarray(0, shared))
    key.set(payload.subarray(rest, value), shared)
    if (this.#ordinal++ % this.#interval === 0) this.#head = key
    this.key = key
    this.value = payload.subarray(value, this.#at)
    return true
  }

  #varint(): number {
    let number = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#payload[this.#at++] as number
      number += (byte & 127) * scale
      if (byte < 128) return number
    }
  }
}
