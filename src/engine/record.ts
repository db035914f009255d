import {
  CHAIN_CAPACITY,
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  INLINE_VALUE_LIMIT_BYTES,
  KEY_MAX_BYTES,
  MEMTABLE_ENTRY_OVERHEAD_BYTES,
  PAGE_BYTES,
} from '../../assembly/memory/layout.ts'
import { textCodec, type TextCodec } from '../kernel/text.ts'
import { FRAME_HEADER_BYTES } from '../journal/format.ts'

/** What a key or value is before it becomes bytes: text is written as UTF-8. */
export type Content = string | Uint8Array

/** Room a frame needs behind its payload for padding. */
const PADDING_BYTES = 8
const INITIAL_BYTES = 4096
/** Up to this length a loop is no slower than the call into C++, and V8 keeps the bytes in the array itself: to ask for its `buffer` would move them out. */
export const SHORT_BYTES = 64

/** Most bytes `content` can take. */
export function contentBound(content: Content): number {
  return typeof content === 'string' ? content.length * 3 : content.byteLength
}

/** Whether another thread can make the arrays on a buffer longer. */
export function mayGrow(buffer: ArrayBufferLike): boolean {
  return 'growable' in buffer && buffer.growable === true
}

/** Copies bytes to `target[at]`. @returns how many. @throws TypeError for an array that was short and has grown since it was looked at */
export function copyContent(target: Uint8Array, content: Uint8Array, at: number): number {
  const length = content.byteLength
  if (length <= SHORT_BYTES) for (let i = 0; i < length; i++) target[at + i] = content[i] as number
  else if (mayGrow(content.buffer)) throw new TypeError('a buffer grew while it was read')
  else target.set(content, at)
  return length
}

export function keyTooLong(lengthBytes: number): RangeError {
  return new RangeError(`key is ${lengthBytes} bytes long; at most ${KEY_MAX_BYTES} are possible`)
}

/**
 * A batch of encoded entries in JavaScript memory, in the journal's own form (docs/journal-format.md), with room for the
 * frame header in front and for padding behind, so that it is written and applied without being translated.
 */
export class RecordBuffer {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES)
  /** Where the next entry goes; the payload is [FRAME_HEADER_BYTES, end). */
  end: number = FRAME_HEADER_BYTES
  /** Number of entries. */
  count: number = 0
  /** Bytes of the nodes and keys in memtables. */
  nodeBytes: number = 0
  /** Bytes of the values below INLINE_VALUE_LIMIT_BYTES. */
  inlineValueBytes: number = 0
  /** Longest key and longest such value. */
  longestKeyBytes: number = 0
  longestInlineBytes: number = 0
  /** Pages that values of INLINE_VALUE_LIMIT_BYTES and more will take. */
  chainPages: number = 0
  /** Keyspaces it writes to, each once. */
  readonly keyspaceIds: number[] = []
  #view: DataView = new DataView(this.bytes.buffer)
  #text: TextCodec = textCodec(this.bytes)

  /** Bytes the entries will take in memtables. */
  get memtableBytes(): number {
    return this.nodeBytes + this.inlineValueBytes + this.chainPages * PAGE_BYTES
  }

  get payloadBytes(): number {
    return this.end - FRAME_HEADER_BYTES
  }

  /** Appends an entry. @throws RangeError for a key or value that is too long; nothing is appended then. */
  add(type: number, keyspaceId: number, key: Content, value: Content, valueLimitBytes: number): void {
    const bound = ENTRY_HEADER_BYTES + contentBound(key) + contentBound(value)
    this.#reserve(bound)
    const at = this.end
    const keyAt = at + ENTRY_HEADER_BYTES
    const keyLength = this.#write(key, keyAt)
    if (keyLength > KEY_MAX_BYTES) throw keyTooLong(keyLength)
    const valueLength = this.#write(value, keyAt + keyLength)
    if (valueLength > valueLimitBytes) throw valueTooLong(valueLength, valueLimitBytes)
    const view = this.#view
    view.setUint32(at + ENTRY_VALUE_LENGTH, valueLength, true)
    view.setUint16(at + ENTRY_KEY_LENGTH, keyLength, true)
    view.setUint16(at + ENTRY_TYPE, type, true)
    view.setUint32(at + ENTRY_KEYSPACE, keyspaceId, true)
    this.end = keyAt + keyLength + valueLength
    this.count++
    const ids = this.keyspaceIds
    if (ids[ids.length - 1] !== keyspaceId && !ids.includes(keyspaceId)) ids.push(keyspaceId)
    this.nodeBytes += MEMTABLE_ENTRY_OVERHEAD_BYTES + keyLength
    if (keyLength > this.longestKeyBytes) this.longestKeyBytes = keyLength
    if (valueLength < INLINE_VALUE_LIMIT_BYTES) {
      this.inlineValueBytes += valueLength
      if (valueLength > this.longestInlineBytes) this.longestInlineBytes = valueLength
    } else this.chainPages += Math.ceil(valueLength / CHAIN_CAPACITY)
  }

  /** Forgets the entries, keeps the memory unless it grew large. */
  clear(): void {
    this.end = FRAME_HEADER_BYTES
    this.count = 0
    this.nodeBytes = 0
    this.inlineValueBytes = 0
    this.longestKeyBytes = 0
    this.longestInlineBytes = 0
    this.chainPages = 0
    this.keyspaceIds.length = 0
  }

  /** Forgets the entries and the memory. */
  shrink(): void {
    this.clear()
    this.#use(new Uint8Array(INITIAL_BYTES))
  }

  #write(content: Content, at: number): number {
    if (typeof content === 'string') return this.#text.write(content, at)
    return copyContent(this.bytes, content, at)
  }

  #reserve(bytes: number): void {
    const needed = this.end + bytes + PADDING_BYTES
    if (needed <= this.bytes.byteLength) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.byteLength * 2))
    grown.set(this.bytes.subarray(0, this.end))
    this.#use(grown)
  }

  #use(bytes: Uint8Array): void {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer)
    this.#text = textCodec(bytes)
  }
}

export function valueTooLong(lengthBytes: number, limitBytes: number): RangeError {
  return new RangeError(
    `value is ${lengthBytes} bytes long; at most ${limitBytes} are possible (memoryLimit / 16)`,
  )
}
