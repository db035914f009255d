import {
  BLOCK_DATA,
  BLOCK_INDEX,
  BLOCK_ROOT_INDEX,
  BOUND_READ,
  SLOT_LENGTH,
  SLOT_NUMBER,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TYPE,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_TOMBSTONE,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import type { Run } from '../version/version.ts'
import type { TableFile } from '../table/table-file.ts'
import type { Engine } from './engine.ts'
import { tableFor } from './key-order.ts'
import { chainValue, extentValue } from './large-value.ts'
import type { Tree } from './tree.ts'

/**
 * Finds one key: active memtable, sealed ones, then tables from the newest run to the oldest; the first entry with a seqno below S
 * decides.
 */
export class PointReader {
  readonly #engine: Engine
  /** Where the value found lies in linear memory, until the next kernel call; a large one is in `large` instead. */
  pointer = 0
  length = 0
  large: Uint8Array | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /**
   * Looks up the key at `key` (linear memory) at S = `seqno`, 0 for the latest. @returns whether it is there; `pointer` and
   * `length`, or `large`, say where, unless `presenceOnly`.
   */
  find(tree: Tree, key: number, keyLength: number, seqno: number, presenceOnly: boolean): boolean {
    const { kernel } = this.#engine
    const { exports, slot } = kernel
    let status = exports.pointRead(slot, tree.superVersion, key, keyLength, seqno)
    let table: TableFile | undefined
    if (status === STATUS_ABSENT) {
      const { runs } = tree.version
      for (let i = 0; i < runs.length && status === STATUS_ABSENT; i++) {
        const info = tableFor(kernel.u8, runs[i] as Run, key, keyLength)
        table = info === undefined ? undefined : tree.files.get(info.id)
        if (table !== undefined) status = this.#findInTable(table, key, keyLength)
      }
    }
    if (status === STATUS_TOMBSTONE || status === STATUS_ABSENT) return false
    if (presenceOnly) return true
    this.pointer = kernel.word(SLOT_POINTER)
    this.length = kernel.word(SLOT_LENGTH)
    this.large = undefined
    if ((kernel.word(SLOT_TYPE) & TYPE_MASK) === TYPE_EXTENT) {
      this.large =
        table === undefined
          ? chainValue(kernel, this.pointer, this.length)
          : extentValue(this.#engine, table, this.pointer, this.length)
    }
    return true
  }

  #findInTable(table: TableFile, key: number, keyLength: number): number {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    if (table.info.lowestSeqno >= kernel.seqno(SLOT_READ_SEQNO)) return STATUS_ABSENT
    blocks.load(table, table.rootOffset, table.rootSize, BLOCK_ROOT_INDEX, false)
    for (const kind of [BLOCK_INDEX, BLOCK_DATA]) {
      if (
        exports.indexSeek(slot, blocks.payload, blocks.length, key, keyLength, BOUND_READ) !== STATUS_FOUND
      ) {
        return STATUS_ABSENT
      }
      blocks.load(table, kernel.float(SLOT_NUMBER), kernel.word(SLOT_LENGTH), kind, false)
    }
    return exports.blockGet(slot, blocks.payload, blocks.length, key, keyLength)
  }
}
