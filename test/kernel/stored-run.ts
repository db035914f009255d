/** Runs of tables for kernel tests: files in JavaScript memory, encoded from docs/table-format.md, and their records in linear memory. */
import {
  BLOCK_DATA,
  BLOCK_INDEX,
  BLOCK_MAX_CACHED_PAYLOAD,
  BLOCK_ROOT_INDEX,
  COMPRESSION_LZ4,
  COMPRESSION_NONE,
  CONTROL_TABLE_ORDINAL,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_OK,
  SUPERVERSION_VERSION,
  TABLE_BYTES,
  TABLE_LARGEST,
  TABLE_LARGEST_LENGTH,
  TABLE_LOWEST_SEQNO,
  TABLE_ORDINAL,
  TABLE_ROOT_OFFSET,
  TABLE_ROOT_SIZE,
  TABLE_SMALLEST,
  TABLE_SMALLEST_LENGTH,
  TYPE_VALUE,
  VERSION_RUNS,
  VERSION_RUN_ENDS,
  VERSION_TABLES,
} from '../../assembly/memory/layout.ts'
import { type Block, compareKeys, encodeBlock, type Entry, LONG_KEY_BYTES, varint } from './merge-blocks.ts'
import { compressBlock } from './lz4js.ts'
import type { BareKernel } from './support.ts'

/** Where the first block lies: behind the header, and behind extents, which are only named. */
const FIRST_OFFSET = 1 << 20

interface Handle {
  key: Uint8Array
  seqno: number
  offset: number
  size: number
}

/** A table file without header, properties and footer, which no read of blocks looks at. */
class StoredTable {
  keeps = true
  readonly record: number
  readonly #kernel: BareKernel
  readonly #parts: Uint8Array[] = []
  #length = FIRST_OFFSET
  #file = new Uint8Array()
  readonly #keys: [number, number][] = []
  readonly #isCompressed: boolean

  /** `indexEntries`: data blocks named by one index block. */
  constructor(kernel: BareKernel, blocks: readonly Block[], indexEntries: number, isCompressed: boolean) {
    this.#kernel = kernel
    this.#isCompressed = isCompressed
    const { x, u8, u32, view } = kernel
    this.record = x.allocateRecord(TABLE_BYTES) >>> 0
    for (let i = 0; i < 16; i++) u8[this.record + i] = (this.record >>> i) & 255
    const data = blocks.map(({ payload, entries }, i) => {
      const last = entries.at(-1)
      const next = blocks[i + 1]?.entries[0]
      const goesOn = next !== undefined && compareKeys(next.key, last.key) === 0
      return { key: last.key, seqno: goesOn ? last.seqno : 0, ...this.#append(BLOCK_DATA, payload) }
    })
    const index: Handle[] = []
    for (let i = 0; i < data.length; i += indexEntries) {
      const part = data.slice(i, i + indexEntries)
      const { key, seqno } = part.at(-1)
      index.push({ key, seqno, ...this.#append(BLOCK_INDEX, encodeIndex(part)) })
    }
    const root = this.#append(BLOCK_ROOT_INDEX, encodeIndex(index))
    this.#file = new Uint8Array(Buffer.concat(this.#parts))

    const entries = blocks.flatMap((block) => block.entries)
    view.setFloat64(this.record + TABLE_ROOT_OFFSET, root.offset, true)
    u32[(this.record + TABLE_ROOT_SIZE) / 4] = root.size
    u32[(this.record + TABLE_ORDINAL) / 4] = Atomics.add(u32, CONTROL_TABLE_ORDINAL / 4, 1)
    const lowest = Math.min(...entries.map(({ seqno }) => seqno))
    view.setBigUint64(this.record + TABLE_LOWEST_SEQNO, BigInt(lowest), true)
    this.#key(TABLE_SMALLEST, TABLE_SMALLEST_LENGTH, entries[0] as Entry)
    this.#key(TABLE_LARGEST, TABLE_LARGEST_LENGTH, entries.at(-1))
  }

  /** Loads the block that the kernel asks for. */
  load(landing: number, target: number, offset: number, size: number, kind: number, keep: boolean): void {
    const { x, slot, u8 } = this.#kernel
    u8.set(this.#file.subarray(offset - FIRST_OFFSET, offset - FIRST_OFFSET + size), landing)
    const status = x.loadBlock(slot, this.record, landing, size, kind, offset, keep ? 1 : 0, target)
    if (status !== STATUS_OK) throw new Error(`loadBlock: ${status}`)
  }

  free(): void {
    const { x } = this.#kernel
    x.releaseTable(this.record)
    for (const [at, length] of this.#keys) x.freeRecord(at, length)
    x.freeRecord(this.record, TABLE_BYTES)
  }

  #append(kind: number, raw: Uint8Array): { offset: number; size: number } {
    const { x, u8 } = this.#kernel
    const offset = this.#length
    if (raw.length > BLOCK_MAX_CACHED_PAYLOAD) throw new Error(`a payload of ${raw.length} bytes`)
    const compressed = this.#isCompressed && kind !== BLOCK_ROOT_INDEX ? compressBlock(raw) : undefined
    const pays = compressed !== undefined && compressed.length < raw.length
    const payload = pays ? compressed : raw
    const block = new Uint8Array(16 + payload.length + 8)
    const view = new DataView(block.buffer)
    block[0] = kind
    block[1] = pays ? COMPRESSION_LZ4 : COMPRESSION_NONE
    view.setUint32(4, payload.length, true)
    view.setUint32(8, raw.length, true)
    block.set(payload, 16)
    const page = x.allocatePage() >>> 0
    u8.set(block.subarray(0, -8), page)
    const checked = 16 + payload.length
    const result = (page + checked + 7) & ~7
    x.mixedChecksum(page, checked, kind, this.record, offset, result)
    block.set(u8.subarray(result, result + 8), checked)
    x.freePage(page)
    this.#parts.push(block)
    this.#length += block.length
    return { offset, size: block.length }
  }

  #key(pointer: number, lengthWord: number, { key }: Entry): void {
    const { x, u8, u32 } = this.#kernel
    const at = x.allocateRecord(key.length) >>> 0
    u8.set(key, at)
    u32[(this.record + pointer) / 4] = at
    u32[(this.record + lengthWord) / 4] = key.length
    this.#keys.push([at, key.length])
  }
}

function encodeIndex(handles: readonly Handle[]): Uint8Array {
  const entries = handles.map(({ key, seqno, offset, size }): Entry => {
    const value = Uint8Array.from([...varint(offset), ...varint(size)])
    return { key, seqno, type: TYPE_VALUE, value }
  })
  const isLong = entries.some(({ key }) => key.length > LONG_KEY_BYTES)
  return encodeBlock(entries, isLong ? 255 : 16, 0)
}

/** How a run's blocks are cut: into tables, and their index into blocks. */
export interface RunShape {
  tableBlocks: number
  indexEntries: number
  /** Compresses data and index blocks where that makes them shorter. */
  isCompressed?: boolean
  /** Root index and fences stay in memory; else the root index is cached like any block, and there are no fences. Default true. */
  keeps?: boolean
}

/** The tables of a SuperVersion, and the loader a thread has for their blocks. */
export class StoredRuns {
  readonly #kernel: BareKernel
  readonly #runs: StoredTable[][] = []
  readonly #landing: number
  readonly #target: number
  #version = 0
  #versionBytes = 0

  constructor(kernel: BareKernel) {
    this.#kernel = kernel
    this.#landing = kernel.x.allocatePage() >>> 0
    this.#target = kernel.x.allocatePage() >>> 0
  }

  /** Adds a run, older than those before. Tables end where a user key does. */
  add(
    blocks: readonly Block[],
    { tableBlocks, indexEntries, isCompressed = false, keeps = true }: RunShape,
  ): void {
    if (blocks.length === 0) return
    const run: StoredTable[] = []
    let from = 0
    const isLong = blocks.some(({ entries }) => entries.some(({ key }) => key.length > LONG_KEY_BYTES))
    for (let to = 1; to <= blocks.length; to++) {
      const last = blocks[to - 1]?.entries.at(-1) as Entry
      const next = blocks[to]?.entries[0]
      const ends =
        next === undefined ||
        (to - from >= (isLong ? 1 : tableBlocks) && compareKeys(last.key, next.key) !== 0)
      if (!ends) continue
      const table = new StoredTable(this.#kernel, blocks.slice(from, to), indexEntries, isCompressed)
      table.keeps = keeps
      run.push(table)
      from = to
    }
    this.#runs.push(run)
  }

  /** Writes the Version record and names it in a SuperVersion. */
  install(superVersion: number): void {
    const { x, u32 } = this.#kernel
    const tables = this.#runs.flat()
    this.#versionBytes = VERSION_RUN_ENDS + 4 * (this.#runs.length + tables.length)
    this.#version = x.allocateRecord(this.#versionBytes) >>> 0
    u32[(this.#version + VERSION_RUNS) / 4] = this.#runs.length
    u32[(this.#version + VERSION_TABLES) / 4] = tables.length
    let at = (this.#version + VERSION_RUN_ENDS) / 4
    let end = 0
    for (const run of this.#runs) u32[at++] = end += run.length
    for (const { record } of tables) u32[at++] = record
    u32[(superVersion + SUPERVERSION_VERSION) / 4] = this.#version
  }

  /** Loads the block that a call named. */
  loadNeeded(): void {
    const { slot, u32, view } = this.#kernel
    const word = (offset: number): number => u32[(slot + offset) / 4] as number
    const table = this.#runs.flat().find(({ record }) => record === word(SLOT_TABLE))
    if (table === undefined) throw new Error('no such table')
    const kind = word(SLOT_TYPE)
    // NOTE: of an index block, fences.
    const keep = (kind === BLOCK_ROOT_INDEX || kind === BLOCK_INDEX) && table.keeps
    table.load(
      this.#landing,
      this.#target,
      view.getFloat64(slot + SLOT_NUMBER, true),
      word(SLOT_LENGTH),
      kind,
      keep,
    )
  }

  free(): void {
    const { x } = this.#kernel
    for (const table of this.#runs.flat()) table.free()
    if (this.#version !== 0) x.freeRecord(this.#version, this.#versionBytes)
    x.freePage(this.#landing)
    x.freePage(this.#target)
  }
}
