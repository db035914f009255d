import {
  BLOCK_PROPERTIES,
  PAGE_BYTES,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import { corrupt } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { TableInfo } from '../version/version.ts'
import { decodeFooter, decodeHeader, FILE_HEADER_BYTES, FOOTER_BYTES, SALT_BYTES } from './format.ts'
import { checkProperties } from './properties.ts'
import { blockProblem, type TableFile } from './table-file.ts'
import { createTableRecord, fillTableRecord } from './table-record.ts'

/**
 * Opens a table and checks length, header, footer and properties against what the manifest says of it. Takes the file over.
 * @throws CORRUPT, FORMAT_VERSION, IO, NO_MEMORY
 */
export function openTable(kernel: Kernel, file: File, info: TableInfo): TableFile {
  const sizeBytes = file.size()
  if (sizeBytes !== info.sizeBytes || sizeBytes < FILE_HEADER_BYTES + FOOTER_BYTES) {
    throw corrupt(file.name, sizeBytes, `it is ${sizeBytes} bytes long instead of ${info.sizeBytes}`)
  }
  const record = createTableRecord(kernel)
  const header = readAt(file, 0, FILE_HEADER_BYTES)
  const keyspaceId = decodeHeader(kernel, header, record, file.name)
  if (info.salt.some((byte, i) => byte !== kernel.u8[record + i]) || info.salt.byteLength !== SALT_BYTES) {
    throw corrupt(file.name, 16, 'it is another file than the manifest names')
  }
  if (keyspaceId !== info.keyspaceId) throw corrupt(file.name, 36, 'it belongs to another keyspace')
  const footer = decodeFooter(
    kernel,
    readAt(file, sizeBytes - FOOTER_BYTES, FOOTER_BYTES),
    record,
    sizeBytes,
    file.name,
  )
  const properties = readProperties(kernel, { file, record }, footer)
  const { filter, compression } = checkProperties(properties, info, file.name, footer)
  fillTableRecord(kernel, record, info, {
    ...footer,
    filter,
    sizeBytes,
    descriptor: file.descriptor,
  })
  return { info, file, record, filter, compression }
}

function readProperties(
  kernel: Kernel,
  table: { readonly file: File; readonly record: number },
  { propertiesOffset, propertiesSize }: { propertiesOffset: number; propertiesSize: number },
): Uint8Array {
  if (propertiesSize > PAGE_BYTES) throw blockProblem(table, propertiesOffset, 'its properties are too long')
  const page = kernel.page()
  try {
    kernel.u8.set(readAt(table.file, propertiesOffset, propertiesSize), page)
    const { exports, slot } = kernel
    const status = exports.checkBlock(
      slot,
      page,
      propertiesSize,
      BLOCK_PROPERTIES,
      table.record,
      propertiesOffset,
      0,
    )
    if (status !== STATUS_OK) throw blockProblem(table, propertiesOffset, status)
    const payload = kernel.word(SLOT_POINTER)
    return kernel.u8.slice(payload, payload + kernel.word(SLOT_LENGTH))
  } finally {
    kernel.exports.freePage(page)
  }
}

function readAt(file: File, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  if (file.read(bytes, offset) < length) throw corrupt(file.name, offset, 'it ends too early')
  return bytes
}
