import { loadU32, storeU32 } from '../../../assembly/memory/bytes'
import { lz4Compress } from '../../../assembly/table/lz4-compress'
import { lz4Decompress } from '../../../assembly/table/lz4-decompress'

/** Compresses the blocks of a directory (u32 pointer | u32 length each) to places `room` bytes apart, and notes their lengths. */
export function compressBlocks(
  directory: u32,
  count: u32,
  to: u32,
  room: u32,
  lengths: u32,
  scratch: u32,
): u32 {
  let sum: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const at = directory + 8 * i
    const length = lz4Compress(loadU32(at), loadU32(at + 4), to + i * room, room, scratch)
    storeU32(lengths + 4 * i, length)
    sum += length
  }
  return sum
}

/** Decompresses what compressBlocks made of the blocks of that directory. @returns how many are well formed. */
export function decompressBlocks(
  directory: u32,
  count: u32,
  from: u32,
  room: u32,
  lengths: u32,
  to: u32,
): u32 {
  let sound: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const rawLength = loadU32(directory + 8 * i + 4)
    sound += lz4Decompress(from + i * room, loadU32(lengths + 4 * i), to + i * room, rawLength) ? 1 : 0
  }
  return sound
}
