import {
  MEMTABLE_ENTRIES,
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_PAGE_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { noPages } from '../kernel/kernel.ts'
import type { TableFile } from '../table/table-file.ts'
import { Version } from '../version/version.ts'

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
  readonly files: Map<number, TableFile> = new Map()
  /** Address of the record that lists the memtables for the kernel, newest first. */
  superVersion: number
  /** Every entry with a smaller seqno is in tables. */
  flushedSeqno: number
  dropped = false
  readonly #kernel: Kernel

  constructor(kernel: Kernel, id: number, name: string, version: Version, flushedSeqno: number) {
    this.#kernel = kernel
    this.id = id
    this.name = name
    this.version = version
    this.flushedSeqno = flushedSeqno
    this.superVersion = this.#record(undefined, [])
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

  /** Puts tables in the place of a sealed memtable, which is freed. */
  replace(memtable: Memtable, version: Version): void {
    this.version = version
    this.#install(
      this.active,
      this.sealed.filter((other) => other !== memtable),
    )
    memtable.free()
  }

  /** Frees everything in memory; the tree is gone. */
  free(): void {
    const memtables = this.memtables()
    this.dropped = true
    this.active = undefined
    this.sealed = []
    this.version = Version.empty
    this.#kernel.exports.freeRecord(this.superVersion)
    this.superVersion = 0
    for (const memtable of memtables) memtable.free()
  }

  #install(active: Memtable | undefined, sealed: readonly Memtable[]): void {
    const old = this.superVersion
    this.superVersion = this.#record(active, sealed)
    this.active = active
    this.sealed = sealed
    this.#kernel.exports.freeRecord(old)
  }

  #record(active: Memtable | undefined, sealed: readonly Memtable[]): number {
    const memtables = active === undefined ? sealed : [active, ...sealed]
    if (memtables.length > SUPERVERSION_MAX_MEMTABLES) throw noPages()
    const record = this.#kernel.exports.allocateRecord() >>> 0
    if (record === 0) throw noPages()
    const { u32 } = this.#kernel
    u32[(record + SUPERVERSION_COUNT) >>> 2] = memtables.length
    let at = (record + SUPERVERSION_MEMTABLES) >>> 2
    for (const memtable of memtables) u32[at++] = memtable.pointer
    return record
  }
}
