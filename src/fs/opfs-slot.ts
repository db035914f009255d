/**
 * Slots: the files of a database in the origin private file system, where a file can neither be created nor renamed synchronously. A slot is
 * created ahead, stays open, and says itself which file it is: a header, then the content of that file from SLOT_HEADER_BYTES on.
 *
 *   0                   8            9                 10         16                     80                84
 *   ├ magic "VARVESLT" ─┼ u8 format ─┼ u8 name length ─┼ zero ────┼ name, zero padded ───┼ u32 checksum ───┤
 *
 * Name length 0: the slot is free. The checksum is FNV-1a (Fowler, Noll, Vo) of what is before it. A header is written in one piece; shorter than 84 bytes or all zero, the
 * creation of the slot was cut off, and it is free.
 */
const MAGIC = 'VARVESLT'
const FORMAT_AT = 8
const NAME_LENGTH_AT = 9
const ZERO_AT = 10
const NAME_AT = 16
const NAME_MAX_BYTES = 64
const CHECKSUM_AT = NAME_AT + NAME_MAX_BYTES
const ENCODED_BYTES = CHECKSUM_AT + 4
const FORMAT = 1

/** Where the content begins. NOTE: one page, so that content is aligned as it would be in a file of its own. */
export const SLOT_HEADER_BYTES = 4096

/** What is in a slot: a file, nothing, or a header that nobody wrote. */
export type SlotContent =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'free' }
  | { readonly kind: 'damaged'; readonly reason: string }

const pattern = /^slot-([0-9a-f]{8})$/

export function slotFileName(index: number): string {
  return `slot-${index.toString(16).padStart(8, '0')}`
}

/** Index of the slot of that file name, or undefined when it is none. */
export function slotIndex(fileName: string): number | undefined {
  const digits = pattern.exec(fileName)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

/** The header of a slot that holds the file `name`, or is free ('') . INVARIANT: a name is ASCII, of at most 64 bytes. */
export function encodeSlotHeader(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ENCODED_BYTES)
  putAscii(bytes, 0, MAGIC)
  bytes[FORMAT_AT] = FORMAT
  bytes[NAME_LENGTH_AT] = name.length
  putAscii(bytes, NAME_AT, name)
  new DataView(bytes.buffer).setUint32(CHECKSUM_AT, checksumOf(bytes), true)
  return bytes
}

/** Reads a header. `bytes`: the start of the slot, as much of it as there is. */
export function decodeSlotHeader(bytes: Uint8Array): SlotContent {
  const header = bytes.subarray(0, ENCODED_BYTES)
  if (header.byteLength < ENCODED_BYTES || header.every((byte) => byte === 0)) return { kind: 'free' }
  if (ascii(header.subarray(0, MAGIC.length)) !== MAGIC) return damaged('it does not start like a slot')
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  if (view.getUint32(CHECKSUM_AT, true) !== checksumOf(header))
    return damaged('its header fails its checksum')
  const nameLength = header[NAME_LENGTH_AT] as number
  const isKnown =
    header[FORMAT_AT] === FORMAT &&
    nameLength <= NAME_MAX_BYTES &&
    header.subarray(ZERO_AT, NAME_AT).every((byte) => byte === 0) &&
    header.subarray(NAME_AT + nameLength, CHECKSUM_AT).every((byte) => byte === 0)
  if (!isKnown) return damaged('its header is of an unknown format')
  if (nameLength === 0) return { kind: 'free' }
  return { kind: 'file', name: ascii(header.subarray(NAME_AT, NAME_AT + nameLength)) }
}

function damaged(reason: string): SlotContent {
  return { kind: 'damaged', reason }
}

function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

function checksumOf(header: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < CHECKSUM_AT; i++) hash = Math.imul(hash ^ (header[i] as number), 0x01000193)
  return hash >>> 0
}
