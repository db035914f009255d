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
  BUILDER_IN_EXTENTS,
  BUILDER_LAST_TRAILER,
  BUILDER_PENDING_OFFSET,
  BUILDER_PENDING_SIZE,
  lastKey,
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
  const length = writerFinish(writer, payload, lowest, true)
  storeU64(builder + BUILDER_PENDING_OFFSET, outputCompressed(builder, BLOCK_DATA, length))
  storeU32(builder + BUILDER_PENDING_SIZE, loadU32(builder + BUILDER_APPENDED))
  storeU32(builder + BUILDER_DATA_BLOCKS, loadU32(builder + BUILDER_DATA_BLOCKS) + 1)
  return true
}

/** Turns a value's page chain into extents, one for each page; BUILDER_EXTENTS_OFFSET: where the first one lies. */
export function writeExtents(builder: u32, chain: u32): bool {
  let written = loadU32(builder + BUILDER_IN_EXTENTS)
  let page = written != 0 ? loadU32(builder + BUILDER_CHAIN) : chain
  while (page != 0) {
    const length = loadU32(page + CHAIN_LENGTH)
    if (outputPayload(builder, length) == 0) {
      storeU32(builder + BUILDER_CHAIN, page)
      return false
    }
    const offset = outputExtent(builder, page + CHAIN_DATA, length, written)
    if (written == 0) storeU64(builder + BUILDER_EXTENTS_OFFSET, offset)
    storeU32(builder + BUILDER_IN_EXTENTS, ++written)
    storeU32(builder + BUILDER_EXTENT_BLOCKS, loadU32(builder + BUILDER_EXTENT_BLOCKS) + 1)
    page = loadU32(page + CHAIN_NEXT)
  }
  storeU32(builder + BUILDER_IN_EXTENTS, 0)
  return true
}

/** Whether entries of a data block are being gathered. */
// @ts-ignore: decorator
@inline
export function isGatheringData(builder: u32): bool {
  return writerEntries(builder + BUILDER_DATA_WRITER) != 0
}
