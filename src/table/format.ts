import {
  BLOCK_HEADER_BYTES,
  BLOCK_TRAILER_BYTES,
  KIND_FILE_HEADER,
  KIND_FOOTER,
  SLOT_CHECKSUM,
} from '../../assembly/memory/layout.ts'
import { equalBytes, hasAscii, isZero, putAscii } from '../bytes.ts'
import { VarveError, corrupt } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'

/**
 * Header and footer of a table file (docs/table-format.md).
 *
 *   header: magic 8 | version u16 | length u16 | flags u32 | salt 16 | algorithm u8 | integrity length u8 | zero 2 | keyspace id u32 | zero 16 | checksum 8
 *   footer: root offset u64 | size u32 | zero 4 | properties offset u64 | size u32 | zero 4 | file length u64 | zero 8 | checksum 8 | magic 8
 */
export const FILE_HEADER_BYTES = 64
export const FOOTER_BYTES = 64
/** Bytes of a block besides its payload. */
export const BLOCK_FRAME_BYTES = 24
const HEADER_MAGIC = 'VARVESST'
const FOOTER_MAGIC = 'VARVETBL'
const VERSION = 1
const SALT_AT = 16
const KEYSPACE_AT = 36
export const SALT_BYTES = 16
const CHECKSUM_AT_HEADER = 56
const CHECKSUM_AT_FOOTER = 48
const MAGIC_AT_FOOTER = 56
const INTEGRITY_XXH3_64 = 1
const INTEGRITY_BYTES = 8

export interface Footer {
  rootOffset: number
  rootSize: number
  propertiesOffset: number
  propertiesSize: number
  fileLength: number
}

/** `salt`: address of the 16 salt bytes in linear memory. */
export function encodeHeader(kernel: Kernel, salt: number, keyspaceId: number): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  putAscii(bytes, 0, HEADER_MAGIC)
  view.setUint16(8, VERSION, true)
  view.setUint16(10, FILE_HEADER_BYTES, true)
  bytes.set(kernel.u8.subarray(salt, salt + SALT_BYTES), SALT_AT)
  view.setUint8(32, INTEGRITY_XXH3_64)
  view.setUint8(33, INTEGRITY_BYTES)
  view.setUint32(KEYSPACE_AT, keyspaceId, true)
  bytes.set(
    mixed(kernel, bytes.subarray(0, CHECKSUM_AT_HEADER), KIND_FILE_HEADER, salt, 0),
    CHECKSUM_AT_HEADER,
  )
  return bytes
}

export function encodeFooter(kernel: Kernel, salt: number, footer: Footer): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(footer.rootOffset), true)
  view.setUint32(8, footer.rootSize, true)
  view.setBigUint64(16, BigInt(footer.propertiesOffset), true)
  view.setUint32(24, footer.propertiesSize, true)
  view.setBigUint64(32, BigInt(footer.fileLength), true)
  putAscii(bytes, MAGIC_AT_FOOTER, FOOTER_MAGIC)
  bytes.set(footerChecksum(kernel, bytes, salt, footer.fileLength), CHECKSUM_AT_FOOTER)
  return bytes
}

/** Checks a header and puts its salt at `salt`. @returns the id of the keyspace it belongs to. @throws CORRUPT, FORMAT_VERSION */
export function decodeHeader(kernel: Kernel, bytes: Uint8Array, salt: number, file: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!hasAscii(bytes, 0, HEADER_MAGIC)) throw corrupt(file, 0, 'it does not start like a table')
  const version = view.getUint16(8, true)
  kernel.u8.set(bytes.subarray(SALT_AT, SALT_AT + SALT_BYTES), salt)
  const checksum = mixed(kernel, bytes.subarray(0, CHECKSUM_AT_HEADER), KIND_FILE_HEADER, salt, 0)
  if (!equalBytes(checksum, bytes.subarray(CHECKSUM_AT_HEADER, FILE_HEADER_BYTES))) {
    throw corrupt(file, 0, 'its header fails its checksum')
  }
  if (
    version !== VERSION ||
    view.getUint16(10, true) !== FILE_HEADER_BYTES ||
    view.getUint32(12, true) !== 0 ||
    view.getUint8(32) !== INTEGRITY_XXH3_64 ||
    view.getUint8(33) !== INTEGRITY_BYTES
  ) {
    throw new VarveError(
      'FORMAT_VERSION',
      `${file} has table format ${version} or features this version does not know; open it with a newer version.`,
      { file },
    )
  }
  if (
    !isZero(bytes.subarray(34, KEYSPACE_AT)) ||
    !isZero(bytes.subarray(KEYSPACE_AT + 4, CHECKSUM_AT_HEADER))
  )
    throw corrupt(file, 34, 'reserved bytes of its header are not zero')
  return view.getUint32(KEYSPACE_AT, true)
}

/** Checks the footer of a file of `fileLength` bytes. @throws CORRUPT */
export function decodeFooter(
  kernel: Kernel,
  bytes: Uint8Array,
  salt: number,
  fileLength: number,
  file: string,
): Footer {
  const at = fileLength - FOOTER_BYTES
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!hasAscii(bytes, MAGIC_AT_FOOTER, FOOTER_MAGIC)) throw corrupt(file, at, 'it does not end like a table')
  const stored = bytes.slice(CHECKSUM_AT_FOOTER, MAGIC_AT_FOOTER)
  if (!equalBytes(footerChecksum(kernel, bytes, salt, fileLength), stored)) {
    throw corrupt(file, at, 'its footer fails its checksum')
  }
  const footer: Footer = {
    rootOffset: Number(view.getBigUint64(0, true)),
    rootSize: view.getUint32(8, true),
    propertiesOffset: Number(view.getBigUint64(16, true)),
    propertiesSize: view.getUint32(24, true),
    fileLength: Number(view.getBigUint64(32, true)),
  }
  const zero =
    view.getUint32(12, true) | view.getUint32(28, true) | view.getUint32(40, true) | view.getUint32(44, true)
  const blockLimit = fileLength - FOOTER_BYTES
  if (
    zero !== 0 ||
    footer.fileLength !== fileLength ||
    !fits(footer.rootOffset, footer.rootSize, blockLimit) ||
    !fits(footer.propertiesOffset, footer.propertiesSize, blockLimit)
  ) {
    throw corrupt(file, at, 'its footer does not add up')
  }
  return footer
}

function fits(offset: number, sizeBytes: number, limit: number): boolean {
  return (
    offset >= FILE_HEADER_BYTES &&
    sizeBytes >= BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES &&
    offset <= limit &&
    sizeBytes <= limit - offset
  )
}

function footerChecksum(kernel: Kernel, bytes: Uint8Array, salt: number, fileLength: number): Uint8Array {
  const covered = new Uint8Array(FOOTER_BYTES - 8)
  covered.set(bytes.subarray(0, CHECKSUM_AT_FOOTER))
  covered.set(bytes.subarray(MAGIC_AT_FOOTER), CHECKSUM_AT_FOOTER)
  return mixed(kernel, covered, KIND_FOOTER, salt, fileLength - FOOTER_BYTES)
}

function mixed(kernel: Kernel, bytes: Uint8Array, kind: number, salt: number, offset: number): Uint8Array {
  const { exports, u8, input, slot } = kernel
  u8.set(bytes, input)
  const result = slot + SLOT_CHECKSUM
  exports.mixedChecksum(input, bytes.byteLength, kind, salt, offset, result)
  return u8.slice(result, result + 8)
}
