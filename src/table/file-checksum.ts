import { PAGE_BYTES, SLOT_CHECKSUM } from '../../assembly/memory/layout.ts'
import { corrupt } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'

const HASH_BYTES = 512

/** XXH3-64 of the first `sizeBytes` of a file, as the manifest names it of a table. Yields between steps of a millisecond or less. @throws CORRUPT, IO, NO_MEMORY */
export function* fileChecksum(
  kernel: Kernel,
  file: File,
  sizeBytes: number,
): Generator<void, Uint8Array, void> {
  const { exports, slot, u8 } = kernel
  const page = kernel.page()
  try {
    // NOTE: the state of the hash may not lie in the slot, where others have theirs between two steps.
    const state = kernel.record(HASH_BYTES)
    try {
      exports.hashBegin(state)
      for (let at = 0; at < sizeBytes; at += PAGE_BYTES) {
        const length = Math.min(PAGE_BYTES, sizeBytes - at)
        if (file.read(u8.subarray(page, page + length), at) < length)
          throw corrupt(file.name, at, 'it cannot be read to its end')
        exports.hashUpdate(state, page, length)
        yield
      }
      exports.hashFinish(state, slot + SLOT_CHECKSUM)
    } finally {
      exports.freeRecord(state, HASH_BYTES)
    }
    return u8.slice(slot + SLOT_CHECKSUM, slot + SLOT_CHECKSUM + 8)
  } finally {
    exports.freePage(page)
  }
}
