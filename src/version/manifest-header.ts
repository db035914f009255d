/** The first 128 bytes of a manifest (docs/manifest-format.md). */
import { corrupt } from '../errors.ts'
import { equalBytes, hasAscii, isZero, putAscii } from '../bytes.ts'
import { getU64, hash, putU64, unknownFormat, viewOf, type Hasher } from './binary.ts'

export const MANIFEST_HEADER_BYTES = 128
/** Longest manifest that is written or, by the engine, read. A manifest is started anew long before. */
export const MANIFEST_MAX_BYTES: number = 2 ** 28
const magic = 'VARVEMAN'
const formatVersion = 1
const integrityXxh3 = 1
const integrityBytes = 8
const zeroAt = 82
const checksumAt = 120

export interface ManifestHeader {
  /** 16 bytes. */
  readonly databaseId: Uint8Array
  readonly manifestId: number
  readonly epoch: number
  /** 16 bytes; all zero = unknown. */
  readonly bootId: Uint8Array
  /** 16 random bytes. */
  readonly salt: Uint8Array
}

export function encodeManifestHeader(hasher: Hasher, header: ManifestHeader): Uint8Array {
  const bytes = new Uint8Array(MANIFEST_HEADER_BYTES)
  const view = viewOf(bytes)
  putAscii(bytes, 0, magic)
  view.setUint16(8, formatVersion, true)
  view.setUint16(10, MANIFEST_HEADER_BYTES, true)
  bytes.set(header.databaseId, 16)
  putU64(view, 32, header.manifestId)
  putU64(view, 40, header.epoch)
  bytes.set(header.bootId, 48)
  bytes.set(header.salt, 64)
  bytes[80] = integrityXxh3
  bytes[81] = integrityBytes
  hasher.hashBytes(bytes.subarray(0, checksumAt), bytes, checksumAt)
  return bytes
}

/** Reads the header at the start of `bytes`. @throws CORRUPT, FORMAT_VERSION */
export function decodeManifestHeader(hasher: Hasher, bytes: Uint8Array, file: string): ManifestHeader {
  if (bytes.byteLength < MANIFEST_HEADER_BYTES) throw corrupt(file, bytes.byteLength, 'its header is cut off')
  if (!hasAscii(bytes, 0, magic)) throw corrupt(file, 0, 'it does not start like a manifest')
  const header = bytes.subarray(0, MANIFEST_HEADER_BYTES)
  if (!equalBytes(hash(hasher, header.subarray(0, checksumAt)), header.subarray(checksumAt))) {
    throw corrupt(file, 0, 'its header fails its checksum')
  }
  const view = viewOf(header)
  const version = view.getUint16(8, true)
  if (version !== formatVersion) throw unknownFormat(file, 8, `manifest format ${version}`)
  if (view.getUint16(10, true) !== MANIFEST_HEADER_BYTES)
    throw unknownFormat(file, 10, 'another header length')
  if (view.getUint32(12, true) !== 0) throw unknownFormat(file, 12, 'a required flag')
  if (header[80] !== integrityXxh3 || header[81] !== integrityBytes) {
    throw unknownFormat(file, 80, 'another integrity algorithm')
  }
  if (!isZero(header.subarray(zeroAt, checksumAt))) throw corrupt(file, zeroAt, 'reserved bytes are not zero')
  const manifestId = getU64(view, 32)
  const epoch = getU64(view, 40)
  if (manifestId < 1 || !Number.isFinite(manifestId))
    throw corrupt(file, 32, 'its manifest id is out of range')
  if (!Number.isFinite(epoch)) throw corrupt(file, 40, 'its epoch is out of range')
  return {
    databaseId: header.slice(16, 32),
    manifestId,
    epoch,
    bootId: header.slice(48, 64),
    salt: header.slice(64, 80),
  }
}

/** The chain of a manifest without edits: the header's checksum. */
export function chainOfHeader(bytes: Uint8Array): Uint8Array {
  return bytes.slice(checksumAt, MANIFEST_HEADER_BYTES)
}
