import { copyBytes, loadU32 } from '../memory/bytes'
import { BLOCK_EXTENT, COMPRESSION_LZ4 } from '../memory/layout'
import { BUILDER_SCRATCH, outputBlock, outputPayload, outputStored } from './builder-state'
import { lz4Compress, LZ4_SCRATCH_BYTES } from './lz4-compress'

/**
 * Blocks of a table that is being built, compressed if the builder has a page for that:
 *
 *   scratch   0 hash table │ 16384 compressed payload of a data or index block
 *
 * INVARIANT: outputPayload said that there is room for the raw payload.
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

/** outputBlock for an extent whose raw payload lies at `from`. */
export function outputExtent(builder: u32, from: u32, rawLength: u32): u64 {
  const payload = outputPayload(builder, rawLength)
  const scratch = loadU32(builder + BUILDER_SCRATCH)
  let length: u32 = 0
  if (scratch != 0) length = lz4Compress(from, rawLength, payload, compressedLimit(rawLength), scratch)
  if (length != 0) return outputStored(builder, BLOCK_EXTENT, COMPRESSION_LZ4, rawLength, length)
  copyBytes(payload, from, rawLength)
  return outputBlock(builder, BLOCK_EXTENT, rawLength)
}
