import {
  MEMTABLE_ENTRIES,
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_PAGE_BYTES,
  SUPERVERSION_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  SUPERVERSION_VERSION,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { noPages } from '../kernel/kernel.ts'
import type { TableFile } from '../table/table-file.ts'
import { Version } from '../version/version.ts'
import { createVersionRecord, freeVersionRecord, NO_TABLES, type VersionRecord } from './version-record.ts'

/** A memtable of linear memory and what the journals need to know of it. */
export class Memtable {
  readonly pointer: number
  /** Id of the journal that holds its first record; 0 without a journal. */
  readonly firstJournal: number
  /** Whether a hash index was asked for. */
  indexed = false
  readonly #kernel: Kernel

  constructor(kernel: Kernel, firstJournal: number) {
    this.#kernel = kernel
    this.pointer = kernel.exports.createMemtable() >>> 0
    if (this.pointer === 0) throw noPages()
    this.firstJournal = firstJournal
  }

  /** Bytes of its entries: nodes, keys and values. */
  get entryBytes(): number {
    return this.#kernel.u32[(this.pointer + MEMTABLE_ENTRY_BYTES) >>> 2] as number
  }

  /** Bytes of the pages it holds. */
  get pageBytes(): number {
    return this.#kernel.u32[(this.pointer + MEMTABLE_PAGE_BYTES) >>> 2] as number
  }

  get entries(): number {
    return this.#kernel.u32[(this.pointer + MEMTABLE_ENTRIES) >>> 2] as number
  }

  get highestSeqno(): number {
    return Number(this.#kernel.view.getBigUint64(this.pointer + MEMTABLE_HIGHEST_SEQNO, true))
  }

  /** Gives it a hash index of `pages` pages, if there are so many: without one reads are slower and nothing else. */
  index(pages: number): void {
    this.indexed = true
    this.#kernel.exports.memtableIndex(this.pointer, pages)
  }

  /** INVARIANT: no SuperVersion names it any more. */
  free(): void {
    this.#kernel.exports.freeMemtable(this.pointer)
  }
}

/** The next SuperVersion of a tree, complete but not yet in use: from here on nothing can fail. */
export interface PreparedFlush {
  /** Puts the tables in the place of their memtables, which are freed. */
  install(): void
  /** Gives everything back. */
  abandon(): void
}

/**
 * One keyspace's log-structured merge tree: its SuperVersion (active memtable, sealed ones, Version) and the steps from
 * one SuperVersion to the next. Every step REPLACES it: nothing an open snapshot can ask for goes away.
 *
 * INVARIANT: the record at `superVersion` is immutable and in use only inside a kernel call, so a step frees the old
 * one at once (one thread; docs/architecture.md).
 */
export class Tree {
  readonly id: number
  readonly name: string
  /** Memtable that takes writes; created by the first one. */
  active: Memtable | undefined
  /** Full memtables, newest first. */
  sealed: readonly Memtable[] = []
  version: Version
  /** Open files of the version's tables, by table id. */
  readonly files: ReadonlyMap<number, TableFile>
  /** Address of the record that lists the memtables for the kernel, newest first, and names the Version's record. */
  superVersion: number
  /** Every entry with a smaller seqno is in tables. */
  flushedSeqno: number
  dropped = false
  readonly #kernel: Kernel
  readonly #files: Map<number, TableFile>
  #versionRecord: VersionRecord

  /** `tables`: the open files of the Version's tables. @throws NO_MEMORY */
  constructor(
    kernel: Kernel,
    id: number,
    name: string,
    version: Version,
    tables: ReadonlyMap<number, TableFile>,
    flushedSeqno: number,
  ) {
    this.#kernel = kernel
    this.id = id
    this.name = name
    this.version = version
    this.flushedSeqno = flushedSeqno
    this.#files = new Map()
    this.files = this.#files
    for (const { id: tableId } of version.tables()) {
      this.#files.set(tableId, tables.get(tableId) as TableFile)
    }
    this.#versionRecord = createVersionRecord(kernel, version, this.#files)
    this.superVersion = this.#record([], this.#versionRecord)
  }

  memtables(): Memtable[] {
    return this.active === undefined ? [...this.sealed] : [this.active, ...this.sealed]
  }

  /** The active memtable, made now if there is none. @throws NO_MEMORY */
  openMemtable(firstJournal: number): Memtable {
    if (this.active !== undefined) return this.active
    const memtable = new Memtable(this.#kernel, firstJournal)
    this.#install(memtable, this.sealed)
    return memtable
  }

  /** Seals the active memtable; an empty one just goes. @returns it, or undefined when there is nothing to flush */
  rotate(): Memtable | undefined {
    const memtable = this.active
    if (memtable === undefined) return undefined
    if (memtable.entries === 0) {
      this.#install(undefined, this.sealed)
      memtable.free()
      return undefined
    }
    this.#install(undefined, [memtable, ...this.sealed])
    return memtable
  }

  /** Everything that the flush of the oldest sealed memtables into `tables` needs. INVARIANT: installed or abandoned before the next step of the tree. @throws NO_MEMORY */
  prepareFlush(memtables: readonly Memtable[], tables: readonly TableFile[]): PreparedFlush {
    const kernel = this.#kernel
    const added = tables.map((table) => table.info)
    const version = this.version.withTables(added, [])
    const sealed = this.sealed.filter((other) => !memtables.includes(other))
    for (const table of tables) this.#files.set(table.info.id, table)
    const forget = (): void => {
      for (const { id } of added) this.#files.delete(id)
    }
    let versionRecord: VersionRecord = NO_TABLES
    let superVersion: number
    try {
      versionRecord = createVersionRecord(kernel, version, this.#files)
      superVersion = this.#record(
        this.active === undefined ? sealed : [this.active, ...sealed],
        versionRecord,
      )
    } catch (error) {
      freeVersionRecord(kernel, versionRecord)
      forget()
      throw error
    }
    return {
      install: () => {
        const oldSuperVersion = this.superVersion
        const oldVersion = this.#versionRecord
        this.version = version
        this.sealed = sealed
        this.superVersion = superVersion
        this.#versionRecord = versionRecord
        kernel.exports.freeRecord(oldSuperVersion, SUPERVERSION_BYTES)
        freeVersionRecord(kernel, oldVersion)
        for (const memtable of memtables) memtable.free()
      },
      abandon: () => {
        kernel.exports.freeRecord(superVersion, SUPERVERSION_BYTES)
        freeVersionRecord(kernel, versionRecord)
        forget()
      },
    }
  }

  /** Frees everything in memory but the tables' own records; the tree is gone. */
  free(): void {
    const memtables = this.memtables()
    this.dropped = true
    this.active = undefined
    this.sealed = []
    this.version = Version.empty
    this.#kernel.exports.freeRecord(this.superVersion, SUPERVERSION_BYTES)
    freeVersionRecord(this.#kernel, this.#versionRecord)
    this.superVersion = 0
    for (const memtable of memtables) memtable.free()
  }

  #install(active: Memtable | undefined, sealed: readonly Memtable[]): void {
    const old = this.superVersion
    this.superVersion = this.#record(active === undefined ? sealed : [active, ...sealed], this.#versionRecord)
    this.active = active
    this.sealed = sealed
    this.#kernel.exports.freeRecord(old, SUPERVERSION_BYTES)
  }

  #record(memtables: readonly Memtable[], version: VersionRecord): number {
    if (memtables.length > SUPERVERSION_MAX_MEMTABLES) throw noPages()
    const record = this.#kernel.record(SUPERVERSION_BYTES)
    const { u32 } = this.#kernel
    u32[(record + SUPERVERSION_COUNT) >>> 2] = memtables.length
    u32[(record + SUPERVERSION_VERSION) >>> 2] = version.address
    let at = (record + SUPERVERSION_MEMTABLES) >>> 2
    for (const memtable of memtables) u32[at++] = memtable.pointer
    return record
  }
}
