import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POSITION,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_OK,
  STREAM_DROPPED,
  STREAM_MEMBERS,
  STREAM_MEMBERS_MAX,
  STREAM_READ,
  STREAM_REPEATS,
} from '../../assembly/memory/layout.ts'
import { corrupt } from '../errors.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'
import type { BlockLoader } from './block-loader.ts'
import { blockProblem, type TableFile } from './table-file.ts'
import { TableScan } from './table-scan.ts'

/** Record of the keys at which tables end: u32 number | u32 zero | (u32 key, u32 length) × number (assembly/compact/cuts.ts). */
const CUTS_HEADER_BYTES = 8
const CUT_BYTES = 8
const CUTS_MAX: number = (PAGE_BYTES - CUTS_HEADER_BYTES) / CUT_BYTES

/** What may be left out (docs/compaction.md). */
export interface DropRules {
  /** B: what dropBarrier was raised to. */
  readonly barrier: number
  /** The live snapshots, ascending, asked for after the barrier was raised. */
  readonly snapshots: readonly number[]
  /** Address of a Version record of the tables that may hold older entries than the sources; 0 without any. It stays there. */
  readonly older: number
  /** Keys behind which a table ends, ascending. */
  readonly cutKeys: readonly Uint8Array[]
  /** Whether the same entry may come more than once (Tree.isOrdered); else that is damage. */
  readonly repeats: boolean
}

/**
 * The entries that a flush or a compaction writes: memtables and runs of tables, merged, less what may be dropped. The kernel merges; this
 * hands it the blocks it asks for.
 */
export class EntryStream {
  readonly pointer: number
  readonly #kernel: Kernel
  readonly #blocks: BlockLoader | undefined
  readonly #runs: RunScan[] = []
  /** Number of the first run's source. */
  readonly #firstRun: number
  readonly #records: { readonly pointer: number; readonly sizeBytes: number }[] = []

  /** `memtables`: addresses; `runs`: tables, ascending in each, and `blocks` to read them with. @throws NO_MEMORY */
  constructor(
    kernel: Kernel,
    memtables: readonly number[],
    runs: readonly (readonly TableFile[])[] = [],
    blocks?: BlockLoader,
  ) {
    this.#kernel = kernel
    this.#blocks = blocks
    const { exports } = kernel
    this.pointer = exports.streamCreate() >>> 0
    if (this.pointer === 0) throw noPages()
    for (const memtable of memtables) exports.streamMemtable(this.pointer, memtable)
    this.#firstRun = memtables.length
    for (const run of runs) {
      if (exports.streamRun(this.pointer) === -1) {
        this.free()
        throw noPages()
      }
      this.#runs.push(new RunScan(run))
    }
  }

  /** Entries read so far. */
  get read(): number {
    return this.#kernel.view.getFloat64(this.pointer + STREAM_READ, true)
  }

  /** Of these, entries that were left out. */
  get dropped(): number {
    return this.#kernel.view.getFloat64(this.pointer + STREAM_DROPPED, true)
  }

  /** Without rules every entry is kept. @throws NO_MEMORY: the stream is freed then */
  setRules(rules: DropRules): void {
    try {
      this.#setRules(rules)
    } catch (error) {
      this.free()
      throw error
    }
  }

  #setRules({ barrier, snapshots, older, cutKeys, repeats }: DropRules): void {
    const { view, u32, exports } = this.#kernel
    u32[(this.pointer + STREAM_REPEATS) >>> 2] = repeats ? 1 : 0
    const below = snapshots.filter((seqno) => seqno < barrier)
    // NOTE: with more snapshots than there is room for, the uppermost one takes the place of B: nothing above it is dropped.
    const members = [...below, barrier].slice(0, STREAM_MEMBERS_MAX)
    for (const [i, seqno] of members.entries()) {
      view.setBigUint64(this.pointer + STREAM_MEMBERS + 8 * i, BigInt(seqno), true)
    }
    exports.streamRules(this.pointer, members.length, older, this.#cuts(cutKeys))
  }

  /** Leaves out all keys from `from` on and below `to`; undefined: without that end. @throws NO_MEMORY: the stream is freed then */
  exclude(from: Uint8Array | undefined, to: Uint8Array | undefined): void {
    try {
      const [a, b] = [from, to].map((key) => (key === undefined ? 0 : this.#key(key))) as [number, number]
      this.#kernel.exports.streamExclude(this.pointer, a, from?.byteLength ?? -1, b, to?.byteLength ?? -1)
    } catch (error) {
      this.free()
      throw error
    }
  }

  /**
   * Supplies what builderFeed asked for (NEED_BLOCK) with a data block of a run, or tells it that there is none; or hands an extent to
   * `takeExtent`. @throws CORRUPT, FORMAT_VERSION, IO
   */
  supply(takeExtent: (pointer: number, length: number) => void): void {
    const kernel = this.#kernel
    const blocks = this.#blocks
    if (blocks === undefined) throw new Error('entry stream: a block is wanted, but there are no runs')
    if (kernel.word(SLOT_TYPE) === BLOCK_EXTENT) {
      const table = blocks.tableAt(kernel.word(SLOT_TABLE))
      const extent = blocks.loadOnce(table, kernel.float(SLOT_NUMBER), kernel.word(SLOT_LENGTH), BLOCK_EXTENT)
      takeExtent(extent.byteOffset, extent.byteLength)
      return
    }
    const number = kernel.word(SLOT_POSITION)
    const run = this.#runs[number - this.#firstRun] as RunScan
    const scan = run.nextDataBlock()
    if (scan === undefined) {
      kernel.exports.streamRunEnd(this.pointer, number)
      return
    }
    scan.copyTo(kernel.u8, blocks.landing)
    const status = kernel.exports.streamBlock(
      kernel.slot,
      this.pointer,
      number,
      run.table.record,
      blocks.landing,
      scan.sizeBytes,
      scan.offset,
    )
    if (status !== STATUS_OK) throw blockProblem(run.table, scan.offset, status)
    run.entries += kernel.word(SLOT_COUNT_RESULT)
  }

  free(): void {
    const { exports } = this.#kernel
    exports.streamFree(this.pointer)
    for (const { pointer, sizeBytes } of this.#records) exports.freeRecord(pointer, sizeBytes)
  }

  #cuts(keys: readonly Uint8Array[]): number {
    if (keys.length === 0) return 0
    const kept = keys.slice(0, CUTS_MAX)
    const { u32 } = this.#kernel
    const record = this.#record(CUTS_HEADER_BYTES + CUT_BYTES * kept.length)
    u32[record >>> 2] = kept.length
    for (const [i, key] of kept.entries()) {
      const at = this.#key(key)
      u32[(record + CUTS_HEADER_BYTES + CUT_BYTES * i) >>> 2] = at
      u32[(record + CUTS_HEADER_BYTES + CUT_BYTES * i + 4) >>> 2] = key.byteLength
    }
    return record
  }

  #key(key: Uint8Array): number {
    const at = this.#record(Math.max(1, key.byteLength))
    this.#kernel.u8.set(key, at)
    return at
  }

  #record(sizeBytes: number): number {
    const pointer = this.#kernel.record(sizeBytes)
    this.#records.push({ pointer, sizeBytes })
    return pointer
  }
}

/** The data blocks of a run of tables, one after another. */
class RunScan {
  readonly #tables: readonly TableFile[]
  #number = 0
  #scan: TableScan | undefined
  /** Of the table's blocks so far. */
  entries = 0

  constructor(tables: readonly TableFile[]) {
    this.#tables = tables
  }

  /** The table that the last block came from. */
  get table(): TableFile {
    return this.#tables[this.#number] as TableFile
  }

  /** @throws CORRUPT, IO */
  nextDataBlock(): TableScan | undefined {
    while (this.#number < this.#tables.length) {
      this.#scan ??= new TableScan(this.table)
      while (this.#scan.next()) if (this.#scan.kind === BLOCK_DATA) return this.#scan
      this.#requireAll()
      this.#scan = undefined
      this.#number++
      this.entries = 0
    }
    return undefined
  }

  /**
   * INVARIANT: no data block is passed over. Which blocks are none is what they say themselves, unchecked: a rotten kind or length would else take entries along for good.
   * @throws CORRUPT
   */
  #requireAll(): void {
    const { file, info } = this.table
    if (this.entries !== info.entries)
      throw corrupt(file.name, 0, `its data blocks hold ${this.entries} entries instead of ${info.entries}`)
  }
}
