import { SLOT_NUMBER, STATUS_NEED_BLOCK, TABLE_ROOT_OFFSET } from '../../assembly/memory/layout.ts'
import { compareKeys } from '../bytes.ts'
import type { TableInfo } from '../version/version.ts'
import { FILE_HEADER_BYTES } from '../table/format.ts'
import type { TableFile } from '../table/table-file.ts'
import type { Keeper } from './keeper.ts'
import type { RangeBound, RangeSpan } from './key-span.ts'
import type { Memtable } from './memtable.ts'
import type { Tree } from './tree.ts'

/** How a table lies to a span of keys. */
export type Overlap = 'outside' | 'inside' | 'partly'

export function overlapOf(table: TableInfo, { lower, upper }: RangeSpan): Overlap {
  const startsBehind = upper !== undefined && isAbove(table.smallestKey, upper)
  const endsBefore = lower !== undefined && !isAbove(table.largestKey, lower)
  if (startsBehind || endsBefore) return 'outside'
  const fromStart = lower === undefined || isAbove(table.smallestKey, lower)
  const toEnd = upper === undefined || !isAbove(table.largestKey, upper)
  return fromStart && toEnd ? 'inside' : 'partly'
}

/** Whether a key lies on the upper side of a bound. */
function isAbove(key: Uint8Array, bound: RangeBound): boolean {
  const order = compareKeys(key, bound.key)
  return order > 0 || (order === 0 && !bound.after)
}

export interface Estimate {
  entries: number
  bytes: number
}

/** Part of a file's data that lies in [from, to) of it, as a number from 0 to 1. `end`: where the data ends. */
export function shareOf(from: number, to: number, end: number): number {
  const data = end - FILE_HEADER_BYTES
  return data <= 0 ? 0 : Math.min(1, Math.max(0, (to - from) / data))
}

/**
 * About how many entries a span has and how many bytes of files. Tables inside the span count whole, those at its edges by the place of the
 * edge's data block in their files: two index lookups, no data block is read. In memtables a sample of the entries is counted.
 *
 * Every version counts that is stored, so what was overwritten counts more than once until it is compacted; a tombstone counts
 * for minus one, which it is if the entry it hides is stored too.
 * @throws CLOSED, NOT_FOUND, CORRUPT, IO; BlockMissing
 */
export function estimate(keeper: Keeper, tree: Tree, span: RangeSpan): Estimate {
  // NOTE: it may have waited for a block.
  keeper.assertReadable(tree)
  let entries = 0
  let bytes = 0
  for (const table of tree.version.tables()) {
    const overlap = overlapOf(table, span)
    if (overlap === 'outside') continue
    const file = tree.files.get(table.id) as TableFile
    const share = overlap === 'inside' ? 1 : shareOfTable(keeper, file, span)
    entries += (table.entries - 2 * table.tombstones) * share
    bytes += table.sizeBytes * share
  }
  for (const memtable of tree.memtables()) entries += entriesInMemtable(keeper, memtable, span)
  return { entries: Math.max(0, Math.round(entries)), bytes: Math.round(bytes) }
}

function entriesInMemtable(keeper: Keeper, memtable: Memtable, { lower, upper }: RangeSpan): number {
  const { exports, input, u8 } = keeper.kernel
  const rank = (key: Uint8Array): number => {
    u8.set(key, input)
    return exports.memtableRank(memtable.pointer, input, key.byteLength)
  }
  const to = upper === undefined ? memtable.entries : rank(upper.key)
  return Math.max(0, to - (lower === undefined ? 0 : rank(lower.key)))
}

function shareOfTable(keeper: Keeper, table: TableFile, { lower, upper }: RangeSpan): number {
  const end = keeper.kernel.view.getFloat64(table.record + TABLE_ROOT_OFFSET, true)
  const from = lower === undefined ? FILE_HEADER_BYTES : position(keeper, table, lower.key)
  const to = upper === undefined ? end : position(keeper, table, upper.key)
  return shareOf(from, to, end)
}

/** Offset of the data block in which a key would be. */
function position(keeper: Keeper, table: TableFile, key: Uint8Array): number {
  const { kernel, blocks } = keeper
  const { exports, slot, input, u8 } = kernel
  u8.set(key, input)
  while (exports.tablePosition(slot, table.record, input, key.byteLength) === STATUS_NEED_BLOCK)
    blocks.loadNeeded()
  return kernel.float(SLOT_NUMBER)
}
