/**
 * Tables whose every checksum is right and whose content need not be: written from docs/table-format.md by the tests' own encoder, and put into an
 * open database as a flush puts its own.
 */
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import type { Keeper } from '../../src/engine/keeper.ts'
import type { Tree } from '../../src/engine/tree.ts'
import { tableFileName } from '../../src/fs/file-names.ts'
import { encodeFooter, encodeHeader } from '../../src/table/format.ts'
import { openTable } from '../../src/table/open.ts'
import { encodeProperties, type TableStatistics } from '../../src/table/properties.ts'
import type { TableInfo } from '../../src/version/version.ts'
import {
  compareKeys,
  writeBlock,
  writeEntries,
  writeExtentList,
  writeFilter,
  writeHandle,
  xxh3,
  type TableEntry,
} from '../kernel/table-format.ts'

/** An index entry before it is encoded. */
export interface Separator {
  key: Uint8Array
  seqno: bigint
  offset: number
  size: number
}

/** What a table is made of. Whatever is not overridden is as it must be. */
export interface Draft {
  /** Entries of each data block. A value of TYPE_EXTENT is given whole, and becomes one extent before its block. */
  blocks: TableEntry[][]
  /** Data blocks in an index block. */
  perIndex?: number
  level?: number
  run?: number
  info?: Partial<TableInfo>
  statistics?: Partial<TableStatistics>
  /** Changes the entries of all index blocks, before they are cut into blocks. */
  index?: (separators: Separator[]) => Separator[]
  root?: (separators: Separator[]) => Separator[]
  /** Another index block, which the root index does not name. */
  unnamedIndex?: boolean
  /** Keys the filter knows. */
  filtered?: (keys: Uint8Array[]) => Uint8Array[]
  /** Changes the list of an extent: value length, offset, sizes. */
  extent?: (length: number, offset: number, size: number) => [number, number, number[]]
  /** Changes the finished file; its checksum in the manifest is that of the result unless `info` says otherwise. */
  file?: (bytes: Uint8Array) => Uint8Array
}

export const text = (key: string): Uint8Array => new Uint8Array(Buffer.from(key))

export function value(key: string, seqno: number, content = `value ${seqno}`): TableEntry {
  return { key: text(key), type: TYPE_VALUE, seqno: BigInt(seqno), value: text(content) }
}

export function tombstone(key: string, seqno: number, type: number = TYPE_TOMBSTONE): TableEntry {
  return { key: text(key), type, seqno: BigInt(seqno), value: new Uint8Array(0) }
}

export function large(key: string, seqno: number, length = 40_000): TableEntry {
  return {
    key: text(key),
    type: TYPE_EXTENT,
    seqno: BigInt(seqno),
    value: new Uint8Array(length).fill(seqno),
  }
}

/** Adds a table to the newest Version of a keyspace, durably. @returns its file's name */
export function install(keeper: Keeper, tree: Tree, draft: Draft): string {
  const { kernel, catalog, files, blocks } = keeper
  keeper.ensureEpoch()
  const id = catalog.newFileId()
  const salt = Uint8Array.from({ length: 16 }, (_, i) => (37 * i + id) & 255)
  const { bytes, info } = craft(keeper, { id, keyspaceId: tree.id, run: id, salt }, draft)
  const file = files.create(tableFileName(id))
  file.write(bytes, 0, bytes.byteLength, 0)
  const table = openTable(kernel, file, info)
  const next = Math.max(info.highestSeqno + 1, tree.flushedSeqno)
  kernel.exports.raiseNextSeqno(next)
  kernel.exports.publishSeqno(next)
  const prepared = tree.prepare({ memtables: [], removed: [], added: [info], opened: [table] })
  catalog.log([
    { type: 'tableAdded', table: info },
    { type: 'flushedSeqno', keyspaceId: tree.id, seqno: next },
  ])
  tree.flushedSeqno = next
  blocks.add(table)
  prepared.install()
  return file.name
}

function craft(
  { kernel }: Keeper,
  place: Pick<TableInfo, 'id' | 'keyspaceId' | 'run' | 'salt'>,
  draft: Draft,
): { bytes: Uint8Array; info: TableInfo } {
  const { salt } = place
  const saltAt = kernel.record(64)
  kernel.u8.set(salt, saltAt)
  const parts: Uint8Array[] = [encodeHeader(kernel, saltAt, 0)]
  let length = (parts[0] as Uint8Array).byteLength
  const append = (payload: Uint8Array, kind: number): { offset: number; size: number } => {
    const offset = length
    const block = writeBlock(payload, kind, salt, offset)
    parts.push(block)
    length += block.byteLength
    return { offset, size: block.byteLength }
  }

  let extentBlocks = 0
  const separators = draft.blocks.map((block, i): Separator => {
    const entries = block.map((entry): TableEntry => {
      if (entry.type !== TYPE_EXTENT) return entry
      extentBlocks++
      const { offset, size } = append(entry.value, BLOCK_EXTENT)
      const [valueLength, at, sizes] = draft.extent?.(entry.value.byteLength, offset, size) ?? [
        entry.value.byteLength,
        offset,
        [size],
      ]
      return { ...entry, value: writeExtentList(valueLength, at, sizes) }
    })
    const last = entries.at(-1)
    const next = draft.blocks[i + 1]?.[0]
    const goesOn = next !== undefined && compareKeys(next.key, last.key) === 0
    return { key: last.key, seqno: goesOn ? last.seqno : 0n, ...append(writeEntries(entries, 4), BLOCK_DATA) }
  })
  const perIndex = draft.perIndex ?? 2
  const indexed = draft.index?.(separators) ?? separators
  const roots: Separator[] = []
  for (let i = 0; i < indexed.length; i += perIndex) {
    const some = indexed.slice(i, i + perIndex)
    const { key, seqno } = some.at(-1)
    roots.push({ key, seqno, ...append(indexPayload(some), BLOCK_INDEX) })
  }
  if (draft.unnamedIndex === true) append(indexPayload(indexed.slice(-1)), BLOCK_INDEX)
  const root = append(indexPayload(draft.root?.(roots) ?? roots), BLOCK_ROOT_INDEX)

  const all = draft.blocks.flat()
  const keys = all.map(({ key }) => key)
  const filter = writeFilter(draft.filtered?.(keys) ?? keys, 4, 6)
  const filterPlace = append(filter.bytes, BLOCK_FILTER)
  const sorted = keys.toSorted(compareKeys)
  const seqnos = all.map(({ seqno }) => Number(seqno))
  const weak = all.filter(({ type }) => type === TYPE_WEAK_TOMBSTONE).length
  const info: TableInfo = {
    ...place,
    level: draft.level ?? 0,
    run: draft.run ?? place.run,
    sizeBytes: 0,
    smallestKey: sorted[0] as Uint8Array,
    largestKey: sorted.at(-1),
    lowestSeqno: Math.min(...seqnos),
    highestSeqno: Math.max(...seqnos),
    entries: all.length,
    tombstones: weak + all.filter(({ type }) => type === TYPE_TOMBSTONE).length,
    hiddenVersions: all.length - new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size,
    createdAt: 1,
    fileChecksum: new Uint8Array(8),
    ...draft.info,
  }
  const properties = append(
    encodeProperties(info, {
      weakTombstones: weak,
      rawKeyBytes: 0,
      rawValueBytes: 0,
      dataBlocks: draft.blocks.length,
      indexBlocks: roots.length,
      extentBlocks,
      blockBytes: 4096,
      filter: { offset: filterPlace.offset, lines: 4, probes: filter.probes },
      compression: 'none',
      createdAt: 1,
      ...draft.statistics,
    }),
    BLOCK_PROPERTIES,
  )
  parts.push(
    encodeFooter(kernel, saltAt, {
      rootOffset: root.offset,
      rootSize: root.size,
      propertiesOffset: properties.offset,
      propertiesSize: properties.size,
      fileLength: length + 64,
    }),
  )
  kernel.exports.freeRecord(saltAt, 64)
  const whole = new Uint8Array(Buffer.concat(parts))
  const bytes = draft.file?.(whole) ?? whole
  const fileChecksum = new Uint8Array(8)
  new DataView(fileChecksum.buffer).setBigUint64(0, xxh3(bytes), true)
  return { bytes, info: { ...info, fileChecksum, sizeBytes: bytes.byteLength, ...draft.info } }
}

function indexPayload(separators: readonly Separator[]): Uint8Array {
  return writeEntries(
    separators.map(({ key, seqno, offset, size }) => ({
      key,
      type: TYPE_VALUE,
      seqno,
      value: writeHandle(offset, size),
    })),
    16,
    true,
  )
}
