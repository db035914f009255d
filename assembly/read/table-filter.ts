import {
  BLOCK_FILTER,
  FILTER_BLOCK_LINES,
  FILTER_LINE_BYTES,
  STATUS_ABSENT,
  STATUS_FOUND,
  TABLE_FILTERS,
  TABLE_FILTER_LINES,
  TABLE_FILTER_PROBES,
} from '../memory/layout'
import { atomicLoadU32, loadU32 } from '../memory/bytes'
import { filterBlockOffset, filterBlockSize } from '../cache/block-load'
import { cacheFind, framePayload, frameUnpin } from '../cache/cache'
import { filterLine, filterMayContain } from '../table/filter'
import { needBlock } from './table-block'

/**
 * Asks a table's filter for a key with that keyHash.
 * @returns FOUND (the table may have it, or has no filter), ABSENT or NEED_BLOCK.
 */
export function askFilter(slot: u32, table: u32, hash: u64): u32 {
  const lines = loadU32(table + TABLE_FILTER_LINES)
  if (lines == 0) return STATUS_FOUND
  const line = filterLine(hash, lines)
  const block = line / FILTER_BLOCK_LINES
  const at = (line % FILTER_BLOCK_LINES) * FILTER_LINE_BYTES
  const probes = loadU32(table + TABLE_FILTER_PROBES)
  // ORDER: as openRoot.
  const kept = atomicLoadU32(loadU32(table + TABLE_FILTERS) + 4 * block)
  if (kept != 0) return filterMayContain(kept + at, hash, probes) ? STATUS_FOUND : STATUS_ABSENT
  const offset = filterBlockOffset(table, block)
  const frame = cacheFind(slot, table, offset, BLOCK_FILTER, true)
  if (frame == 0) return needBlock(slot, table, offset, filterBlockSize(table, block), BLOCK_FILTER)
  const may = filterMayContain(framePayload(frame) + at, hash, probes)
  frameUnpin(frame)
  return may ? STATUS_FOUND : STATUS_ABSENT
}
