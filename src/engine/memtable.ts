import {
  MEMTABLE_ENTRIES,
  MEMTABLE_ENTRY_BYTES,
  MEMTABLE_GAP,
  MEMTABLE_HIGHEST_SEQNO,
  MEMTABLE_PAGE_BYTES,
} from '../../assembly/memory/layout.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'

/** A memtable of linear memory and what the journals need to know of it. */
export class Memtable {
  readonly pointer: number
  /** Id of the journal that holds its first record; 0 without a journal. */
  readonly firstJournal: number
  readonly #kernel: Kernel

  /** A new one. `gap`: address of the keyspace's, 0 without one. @throws NO_MEMORY */
  static create(kernel: Kernel, firstJournal: number, gap: number): Memtable {
    const pointer = kernel.exports.createMemtable() >>> 0
    if (pointer === 0) throw noPages()
    kernel.u32[(pointer + MEMTABLE_GAP) >>> 2] = gap
    return new Memtable(kernel, pointer, firstJournal)
  }

  /** One that was created before, maybe on another thread. */
  constructor(kernel: Kernel, pointer: number, firstJournal: number) {
    this.#kernel = kernel
    this.pointer = pointer
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

  /** INVARIANT: no SuperVersion names it any more. */
  free(): void {
    this.#kernel.exports.freeMemtable(this.pointer)
  }
}
