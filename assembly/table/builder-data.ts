import { cacheInsert, frameUnpin } from '../cache/cache'
import { loadF64, loadU32, storeF64, storeU32, storeU64 } from '../memory/bytes'
import {
  BLOCK_DATA,
  BUILDER_DATA_BLOCKS,
  BUILDER_EXTENT_BLOCKS,
  BUILDER_HIGHEST_SEQNO,
  BUILDER_LOWEST_SEQNO,
  BUILDER_MAX_KEY,
  BUILDER_MAX_KEY_LENGTH,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
} from '../memory/layout'
import {
  writerBound,
  writerEntries,
  writerFinish,
  writerHighestSeqno,
  writerLastKey,
  writerLastTrailer,
  writerLowestSeqno,
} from './block-writer'
import { outputCompressed, outputExtent } from './builder-compress'
import {
  BUILDER_APPENDED,
  BUILDER_CHAIN,
  BUILDER_DATA_WRITER,
  BUILDER_EXTENTS_OFFSET,
  BUILDER_HOT_ENTRIES,
  BUILDER_IN_EXTENTS,
  BUILDER_LAST_TRAILER,
  BUILDER_PENDING_OFFSET,
  BUILDER_PENDING_SIZE,
  BUILDER_TABLE,
  lastKey,
  outputOffset,
  outputPayload,
} from './builder-state'

/**
 * Data blocks and extents of a table that is being built. A function returns false if there is no room in the output; what was
 * done stays done, and it is called again with the output empty.
 */

/** Finishes the data block being gathered. It gets its index entry when the key that follows is known. */
export function finishDataBlock(builder: u32): bool {
  const writer = builder + BUILDER_DATA_WRITER
  const payload = outputPayload(builder, writerBound(writer))
  if (payload == 0) return false
  const lowest = writerLowestSeqno(writer)
  storeF64(builder + BUILDER_LOWEST_SEQNO, min(loadF64(builder + BUILDER_LOWEST_SEQNO), <f64>lowest))
  const highest = <f64>writerHighestSeqno(writer)
  storeF64(builder + BUILDER_HIGHEST_SEQNO, max(loadF64(builder + BUILDER_HIGHEST_SEQNO), highest))
  const key = lastKey(builder)
  storeU32(builder + BUILDER_MAX_KEY, key)
  storeU32(builder + BUILDER_MAX_KEY_LENGTH, writerLastKey(writer, key))
  storeU64(builder + BUILDER_LAST_TRAILER, writerLastTrailer(writer))
  const isHot = loadU32(builder + BUILDER_HOT_ENTRIES) > writerEntries(writer) / 2
  storeU32(builder + BUILDER_HOT_ENTRIES, 0)
  const length = writerFinish(writer, payload, lowest, true)
  if (isHot) keepHot(builder, payload, length)
  storeU64(builder + BUILDER_PENDING_OFFSET, outputCompressed(builder, BLOCK_DATA, length))
  storeU32(builder + BUILDER_PENDING_SIZE, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_DATA_BLOCKS, loadU32(builder + BUILDER_DATA_BLOCKS) + 1)
  return true
}

/** Puts a data block that takes the place of cached ones into the cache, so that readers go on finding it there. */
function keepHot(builder: u32, payload: u32, length: u32): void {
  const frame = cacheInsert(
    loadU32(builder + BUILDER_TABLE),
    outputOffset(builder),
    BLOCK_DATA,
    payload,
    length,
  )
  if (frame != 0) frameUnpin(frame)
}

/** Turns a value's page chain into extents, one for each page, and notes their block sizes at `sizes`. See builderExtent for their end. */
export function writeChainExtents(builder: u32, chain: u32, sizes: u32): bool {
  let page = loadU32(builder + BUILDER_IN_EXTENTS) != 0 ? loadU32(builder + BUILDER_CHAIN) : chain
  while (page != 0) {
    if (!writeExtent(builder, page + CHAIN_DATA, loadU32(page + CHAIN_LENGTH), sizes)) {
      storeU32(builder + BUILDER_CHAIN, page)
      return false
    }
    page = loadU32(page + CHAIN_NEXT)
  }
  return true
}

/** Writes the current value's next extent, with the payload at [payload, + length). */
export function writeExtent(builder: u32, payload: u32, length: u32, sizes: u32): bool {
  if (outputPayload(builder, length) == 0) return false
  const written = loadU32(builder + BUILDER_IN_EXTENTS)
  const offset = outputExtent(builder, payload, length)
  if (written == 0) storeU64(builder + BUILDER_EXTENTS_OFFSET, offset)
  storeU32(sizes + 4 * written, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_IN_EXTENTS, written + 1)
  storeU32(builder + BUILDER_EXTENT_BLOCKS, loadU32(builder + BUILDER_EXTENT_BLOCKS) + 1)
  return true
}

/** Whether entries of a data block are being gathered. */
// @ts-ignore: decorator
@inline
export function isGatheringData(builder: u32): bool {
  return writerEntries(builder + BUILDER_DATA_WRITER) != 0
}
