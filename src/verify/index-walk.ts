import {
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  TABLE_ROOT_OFFSET,
  TABLE_ROOT_SIZE,
} from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BlockEntries } from '../table/block-entries.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { blockProblem, type TableFile } from '../table/table-file.ts'
import { compareKeys } from '../bytes.ts'

/** A user key and the seqno of one of its versions; of a separator seqno 0: behind all of them. */
export interface InternalKey {
  readonly key: Uint8Array
  readonly seqno: number
}

/** The entries of a table's index, in order, as the root index leads to them. In memory: the root index and one index block. */
export class IndexWalk {
  /** Of the entry it stands at. */
  separator: InternalKey = { key: new Uint8Array(0), seqno: 0 }
  /** The data block that it names. */
  offset = 0
  sizeBytes = 0
  /** Index blocks come to so far. */
  blocks = 0
  readonly #loader: BlockLoader
  readonly #table: TableFile
  readonly #root: BlockEntries
  #leaf: BlockEntries | undefined

  /** @throws CORRUPT, FORMAT_VERSION, IO */
  constructor({ view, u32 }: Kernel, loader: BlockLoader, table: TableFile) {
    this.#loader = loader
    this.#table = table
    const offset = view.getFloat64(table.record + TABLE_ROOT_OFFSET, true)
    const sizeBytes = u32[(table.record + TABLE_ROOT_SIZE) >>> 2] as number
    this.#root = this.#load(offset, sizeBytes, BLOCK_ROOT_INDEX)
  }

  /** @returns false behind the last entry. @throws CORRUPT, FORMAT_VERSION, IO */
  next(): boolean {
    if (this.#leaf?.next() !== true) {
      this.#leaf = this.#nextLeaf()
      if (this.#leaf === undefined) return false
    }
    const { key, seqno, value } = this.#leaf
    this.separator = { key, seqno }
    ;({ offset: this.offset, sizeBytes: this.sizeBytes } = handleIn(value))
    return true
  }

  /** The next index block, at its first entry. */
  #nextLeaf(): BlockEntries | undefined {
    const root = this.#root
    if (!root.next()) return undefined
    const { offset, sizeBytes } = handleIn(root.value)
    const leaf = this.#load(offset, sizeBytes, BLOCK_INDEX)
    leaf.last()
    if (compareKeys(leaf.key, root.key) !== 0 || leaf.seqno !== root.seqno) {
      throw blockProblem(this.#table, offset, 'the root index and an index block end it differently')
    }
    leaf.first()
    this.blocks++
    return leaf
  }

  #load(offset: number, sizeBytes: number, kind: number): BlockEntries {
    // NOTE: a copy, because the next block is loaded to the same place.
    return new BlockEntries(this.#loader.loadOnce(this.#table, offset, sizeBytes, kind).slice())
  }
}

/** `varint64 offset | varint32 size`, as checkBlock found it to be. */
function handleIn(value: Uint8Array): { offset: number; sizeBytes: number } {
  const numbers: number[] = []
  let number = 0
  let scale = 1
  for (const byte of value) {
    number += (byte & 127) * scale
    scale *= 128
    if (byte >= 128) continue
    numbers.push(number)
    number = 0
    scale = 1
  }
  const [offset = 0, sizeBytes = 0] = numbers
  return { offset, sizeBytes }
}

/**
 * Whether an entry sorts behind a separator. NOTE: the separator of a version of a key sorts behind this version, and before the older ones
 * (docs/table-format.md, "Index blocks").
 */
export function isBehind(entry: InternalKey, separator: InternalKey): boolean {
  const order = compareKeys(entry.key, separator.key)
  return order > 0 || (order === 0 && entry.seqno < separator.seqno)
}
