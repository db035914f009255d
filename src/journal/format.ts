/**
 * The journal file header, and the names of what a frame consists of (docs/journal-format.md).
 *
 *   0        8     10    12     16           32          40      48      64           88     104  106    120
 *   ├ magic ─┼ ver ┼ len ┼ flags┼ database id┼ journal id┼ epoch ┼ boot ─┼ predecessor┼ salt ┼ 1,8┼ zero ┼ XXH3 ┤ 128
 *                                                                         id, length, chain
 */

import { equalBytes, hasAscii, isZero, putAscii } from '../bytes.ts'

export const JOURNAL_HEADER_BYTES = 128
/** No header of any version is longer. */
export const HEADER_MAX_BYTES = 4096
const DATABASE_ID_BYTES = 16
export const BOOT_ID_BYTES = 16
export const SALT_BYTES = 16
export const CHAIN_BYTES = 8

const FORMAT_VERSION = 1
const INTEGRITY_XXH3_64 = 1

const HEADER_VERSION = 8
export const HEADER_DATABASE_ID = 16
export const HEADER_JOURNAL_ID = 32
export const HEADER_EPOCH = 40
export const HEADER_BOOT_ID = 48
export const HEADER_PREDECESSOR = 64
const HEADER_PREDECESSOR_CHAIN = 80
export const HEADER_SALT = 88
export const HEADER_CHECKSUM = 120
const HEADER_LENGTH = 10
const HEADER_FLAGS = 12
const HEADER_INTEGRITY = 104
const HEADER_ZERO = 106

// ── frames: frame.ts draws them ──────────────────────────────────────────────────────────────────────────
export const FRAME_HEADER_BYTES = 40
export const FRAME_CHAIN = 0
export const FRAME_PAYLOAD_LENGTH = 8
/** One word: u8 kind | u8 flags = 0 | u16 zero. */
export const FRAME_KIND = 12
export const FRAME_BASE_SEQNO = 16
export const FRAME_COUNT = 24
export const FRAME_CHECK = 28
export const FRAME_SYNCED_OFFSET = 32

export const KIND_BATCH = 1
export const KIND_GAP = 5
// Reserved: 2 clear, 3 dropRange, 4 ingest, 6 prepare, 7 commit, 8 abort, 9 marker. Whoever builds one adds it to isKnownKind.

/** Whether this version knows what to do with a record; the others are FORMAT_VERSION. */
export function isKnownKind(kind: number): boolean {
  return kind === KIND_BATCH || kind === KIND_GAP
}

/** Bytes a frame with this payload takes in the file. */
export function frameBytes(payloadLength: number): number {
  return padded(FRAME_HEADER_BYTES + payloadLength)
}

/** The next multiple of 8: frames start at those. */
export function padded(bytes: number): number {
  // NOTE: no bit operators; the payload length of a hostile frame may be 2^32-1.
  return bytes + ((8 - (bytes % 8)) % 8)
}

// ── the file header ──────────────────────────────────────────────────────────────────────────────────────

/** A place in a journal: everything up to `length`, of which `chain` is the checksum. */
export interface JournalLink {
  readonly id: number
  readonly length: number
  /** 8 bytes. */
  readonly chain: Uint8Array
}

export interface JournalHeader {
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  readonly journalId: number
  readonly epoch: number
  /** 16 bytes; all zero: unknown. */
  readonly bootId: Uint8Array
  /** Where the journal before this one was left. */
  readonly predecessor: JournalLink | undefined
  /** 16 random bytes. */
  readonly salt: Uint8Array
}

/** XXH3-64 of `bytes` as 8 little-endian bytes at `target[at]`. */
export type Hash = (bytes: Uint8Array, target: Uint8Array, at: number) => void

export type DecodedHeader =
  | { readonly kind: 'header'; readonly header: JournalHeader }
  /** The file is shorter than a header. */
  | { readonly kind: 'incomplete' }
  /** Not a header, or not as it was written. */
  | { readonly kind: 'bad' }
  /** Written as it stands, by a version or with options we do not know. */
  | { readonly kind: 'unknown'; readonly offset: number }
  /** The checksum is right, the content is not. */
  | { readonly kind: 'malformed'; readonly offset: number }

/** The 128 bytes of a header; the last 8 of them are the chain of the empty journal. */
export function encodeHeader(header: JournalHeader, hash: Hash): Uint8Array {
  const bytes = new Uint8Array(JOURNAL_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  putAscii(bytes, 0, MAGIC)
  view.setUint16(HEADER_VERSION, FORMAT_VERSION, true)
  view.setUint16(HEADER_LENGTH, JOURNAL_HEADER_BYTES, true)
  bytes.set(exactly(header.databaseId, DATABASE_ID_BYTES), HEADER_DATABASE_ID)
  writeU64(view, HEADER_JOURNAL_ID, header.journalId)
  writeU64(view, HEADER_EPOCH, header.epoch)
  bytes.set(exactly(header.bootId, BOOT_ID_BYTES), HEADER_BOOT_ID)
  const { predecessor } = header
  if (predecessor !== undefined) {
    writeU64(view, HEADER_PREDECESSOR, predecessor.id)
    writeU64(view, HEADER_PREDECESSOR + 8, predecessor.length)
    bytes.set(exactly(predecessor.chain, CHAIN_BYTES), HEADER_PREDECESSOR_CHAIN)
  }
  bytes.set(exactly(header.salt, SALT_BYTES), HEADER_SALT)
  bytes[HEADER_INTEGRITY] = INTEGRITY_XXH3_64
  bytes[HEADER_INTEGRITY + 1] = CHAIN_BYTES
  hash(bytes.subarray(0, HEADER_CHECKSUM), bytes, HEADER_CHECKSUM)
  return bytes
}

/** Reads a header. `bytes`: the start of the file, up to HEADER_MAX_BYTES of it. */
export function decodeHeader(bytes: Uint8Array, hash: Hash): DecodedHeader {
  if (bytes.byteLength < JOURNAL_HEADER_BYTES) return { kind: 'incomplete' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!hasAscii(bytes, 0, MAGIC)) return { kind: 'bad' }
  const headerLength = view.getUint16(HEADER_LENGTH, true)
  if (!isHeaderIntact(bytes, headerLength, hash)) return { kind: 'bad' }
  if (view.getUint16(HEADER_VERSION, true) !== FORMAT_VERSION)
    return { kind: 'unknown', offset: HEADER_VERSION }
  if (headerLength !== JOURNAL_HEADER_BYTES) return { kind: 'unknown', offset: HEADER_LENGTH }
  if (view.getUint32(HEADER_FLAGS, true) !== 0) return { kind: 'unknown', offset: HEADER_FLAGS }
  if (bytes[HEADER_INTEGRITY] !== INTEGRITY_XXH3_64 || bytes[HEADER_INTEGRITY + 1] !== CHAIN_BYTES) {
    return { kind: 'unknown', offset: HEADER_INTEGRITY }
  }
  for (let at = HEADER_ZERO; at < HEADER_CHECKSUM; at++) {
    if (bytes[at] !== 0) return { kind: 'malformed', offset: at }
  }
  return readFields(bytes, view)
}

function readFields(bytes: Uint8Array, view: DataView): DecodedHeader {
  const journalId = readU64(view, HEADER_JOURNAL_ID)
  const epoch = readU64(view, HEADER_EPOCH)
  const predecessorId = readU64(view, HEADER_PREDECESSOR)
  const predecessorLength = readU64(view, HEADER_PREDECESSOR + 8)
  if (!(journalId > 0 && journalId <= Number.MAX_SAFE_INTEGER)) {
    return { kind: 'malformed', offset: HEADER_JOURNAL_ID }
  }
  if (epoch > Number.MAX_SAFE_INTEGER) return { kind: 'malformed', offset: HEADER_EPOCH }
  const chain = bytes.slice(HEADER_PREDECESSOR_CHAIN, HEADER_PREDECESSOR_CHAIN + CHAIN_BYTES)
  const known =
    predecessorId === 0
      ? predecessorLength === 0 && isZero(chain)
      : predecessorId < journalId &&
        predecessorLength >= JOURNAL_HEADER_BYTES &&
        predecessorLength <= Number.MAX_SAFE_INTEGER &&
        predecessorLength % 8 === 0
  if (!known) return { kind: 'malformed', offset: HEADER_PREDECESSOR }
  const header: JournalHeader = {
    databaseId: bytes.slice(HEADER_DATABASE_ID, HEADER_DATABASE_ID + DATABASE_ID_BYTES),
    journalId,
    epoch,
    bootId: bytes.slice(HEADER_BOOT_ID, HEADER_BOOT_ID + BOOT_ID_BYTES),
    predecessor: predecessorId === 0 ? undefined : { id: predecessorId, length: predecessorLength, chain },
    salt: bytes.slice(HEADER_SALT, HEADER_SALT + SALT_BYTES),
  }
  return { kind: 'header', header }
}

/**
 * NOTE: magic, version and header length stay where they are in every version, and a header ends with the XXH3-64 of
 * what stands before it: so a newer file is told from a damaged one.
 */
function isHeaderIntact(bytes: Uint8Array, headerLength: number, hash: Hash): boolean {
  if (headerLength < JOURNAL_HEADER_BYTES || headerLength > bytes.byteLength) return false
  const end = headerLength - CHAIN_BYTES
  const checksum = new Uint8Array(CHAIN_BYTES)
  hash(bytes.subarray(0, end), checksum, 0)
  return equalBytes(checksum, bytes.subarray(end, headerLength))
}

const MAGIC = 'VARVEWAL'

/** A u64 as a number. NOTE: exact below 2^53; callers refuse what is above Number.MAX_SAFE_INTEGER. */
function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 4294967296 + view.getUint32(at, true)
}

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 4294967296, true)
  view.setUint32(at + 4, Math.floor(value / 4294967296), true)
}

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.byteLength}`)
  return bytes
}
