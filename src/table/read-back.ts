import {
  PAGE_BYTES,
  SLOT_CHECKSUM,
  SLOT_HASH_STATE,
  TABLE_CHECKED,
  TABLE_CHECKED_BYTES,
} from '../../assembly/memory/layout.ts'
import { corrupt } from '../errors.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { TableFile } from './table-file.ts'

/**
 * Reads a table that was just written, and compares all its bytes with those written, by their checksum. Its blocks need not be walked when
 * they are loaded: they are those that the builder made. @throws CORRUPT, IO
 */
export function readBack(kernel: Kernel, { info, file, record }: TableFile): void {
  const { exports, slot, input, u8, u32 } = kernel
  const state = slot + SLOT_HASH_STATE
  const result = slot + SLOT_CHECKSUM
  exports.hashBegin(state)
  for (let at = 0; at < info.sizeBytes; at += PAGE_BYTES) {
    const length = Math.min(PAGE_BYTES, info.sizeBytes - at)
    if (file.read(u8.subarray(input, input + length), at) < length) {
      throw corrupt(file.name, at, 'what was written to it cannot be read back')
    }
    exports.hashUpdate(state, input, length)
  }
  exports.hashFinish(state, result)
  if (info.fileChecksum.some((byte, i) => byte !== u8[result + i])) {
    throw corrupt(file.name, 0, 'it reads back differently from what was written')
  }
  const bitmap = u32[(record + TABLE_CHECKED) >>> 2] as number
  u8.fill(255, bitmap, bitmap + (bitmap === 0 ? 0 : (u32[(record + TABLE_CHECKED_BYTES) >>> 2] as number)))
}
