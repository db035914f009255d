import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_FOUND,
  STATUS_NEED_BLOCK,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import type { Engine } from './engine.ts'
import { chainValue, extentValue, extentValueLength } from './large-value.ts'
import type { TreeDoor } from './tree-door.ts'

/**
 * Finds one key: active memtable, sealed ones, then tables from the newest run to the oldest; the first entry with a seqno below S
 * decides. One kernel call when everything is in memory.
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
   * `length`, or `large`, say where, unless `presenceOnly`. @throws CORRUPT, FORMAT_VERSION, IO, NO_MEMORY
   */
  find(tree: TreeDoor, key: number, keyLength: number, seqno: number, presenceOnly: boolean): boolean {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    const superVersion = tree.superVersionAt(seqno)
    let status = exports.pointRead(slot, superVersion, key, keyLength, seqno)
    while (status === STATUS_NEED_BLOCK) {
      blocks.loadNeeded()
      status = exports.pointRead(slot, superVersion, key, keyLength, seqno)
    }
    if (status !== STATUS_FOUND) return false
    if (presenceOnly) return true
    this.pointer = kernel.word(SLOT_POINTER)
    this.length = kernel.word(SLOT_LENGTH)
    this.large = undefined
    if ((kernel.word(SLOT_TYPE) & TYPE_MASK) === TYPE_EXTENT) {
      const table = kernel.word(SLOT_TABLE)
      this.large =
        table === 0
          ? chainValue(kernel, this.pointer, this.length)
          : extentValue(this.#engine, blocks.tableAt(table), this.pointer, this.length)
    }
    return true
  }
  /** Length of a key's value, of which nothing but the list of its extents is read; undefined if the key is not there. See `find`. */
  findLength(tree: TreeDoor, key: number, keyLength: number, seqno: number): number | undefined {
    if (!this.find(tree, key, keyLength, seqno, true)) return undefined
    const { kernel, blocks } = this.#engine
    const length = kernel.word(SLOT_LENGTH)
    const table = kernel.word(SLOT_TABLE)
    if ((kernel.word(SLOT_TYPE) & TYPE_MASK) !== TYPE_EXTENT || table === 0) return length
    return extentValueLength(this.#engine, blocks.tableAt(table), kernel.word(SLOT_POINTER), length)
  }
}
