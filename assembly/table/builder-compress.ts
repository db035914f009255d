import { copyBytes, loadU32, storeU32 } from '../memory/bytes'
import { BLOCK_EXTENT, COMPRESSION_LZ4 } from '../memory/layout'
import { BUILDER_APPENDED, BUILDER_SCRATCH, outputBlock, outputPayload, outputStored } from './builder-state'
import { lz4Compress, LZ4_SCRATCH_BYTES } from './lz4-compress'

/**
 * Blocks of a table that is being built, compressed if the builder has a page for that:
 *
 *   scratch   0 hash table │ 16384 compressed payload of a data or index block, or block sizes of the current value's extents, u32 each
 *
 * INVARIANT: outputPayload said that there is room for the raw payload, and no other block comes between the extents of a value.
 */
const SCRATCH_REST: u32 = LZ4_SCRATCH_BYTES
/** A block is stored compressed if that saves this part of it: for less it is not worth it to decompress it whenever it is loaded. */
const SAVED_PART: u32 = 8

// @ts-ignore: decorator
@inline
function compressedLimit(rawLength: u32): u32 {
  return rawLength - (rawLength + (SAVED_PART - 1)) / SAVED_PART
}

/** outputBlock for a data or index block. */
export function outputCompressed(builder: u32, kind: u32, rawLength: u32): u64 {
  const scratch = loadU32(builder + BUILDER_SCRATCH)
  if (scratch != 0) {
    const payload = outputPayload(builder, rawLength)
    const compressed = scratch + SCRATCH_REST
    const length = lz4Compress(payload, rawLength, compressed, compressedLimit(rawLength), scratch)
    if (length != 0) {
      copyBytes(payload, compressed, length)
      return outputStored(builder, kind, COMPRESSION_LZ4, rawLength, length)
    }
  }
  return outputBlock(builder, kind, rawLength)
}

/** outputBlock for extent `number` of the current value, whose raw payload lies at `from`. */
export function outputExtent(builder: u32, from: u32, rawLength: u32, number: u32): u64 {
  const payload = outputPayload(builder, rawLength)
  const scratch = loadU32(builder + BUILDER_SCRATCH)
  let length: u32 = 0
  if (scratch != 0) length = lz4Compress(from, rawLength, payload, compressedLimit(rawLength), scratch)
  let offset: u64
  if (length != 0) {
    offset = outputStored(builder, BLOCK_EXTENT, COMPRESSION_LZ4, rawLength, length)
  } else {
    copyBytes(payload, from, rawLength)
    offset = outputBlock(builder, BLOCK_EXTENT, rawLength)
  }
  if (scratch != 0) storeU32(scratch + SCRATCH_REST + 4 * number, loadU32(builder + BUILDER_APPENDED))
  return offset
}

/** Where the block sizes of the current value's extents are noted, or 0 if they follow from its page chain. */
// @ts-ignore: decorator
@inline
export function extentSizes(builder: u32): u32 {
  const scratch = loadU32(builder + BUILDER_SCRATCH)
  return scratch == 0 ? 0 : scratch + SCRATCH_REST
}
