import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_FOUND,
  STATUS_NEED_BLOCK,
  SUPERVERSION_SEQNO,
  TYPE_EXTENT,
  TYPE_MASK,
} from '../../assembly/memory/layout.ts'
import type { Registration } from '../version/snapshot-registry.ts'
import type { Engine } from './engine.ts'
import { chainValue, extentValue, extentValueLength } from './large-value.ts'
import type { TreeDoor } from './tree-door.ts'

/** So often the latest state is read without keeping others from changing it. */
const OPTIMISTIC_TRIES = 3

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
   * `length`, or `large`, say where, unless `presenceOnly`. The caller ends the read when he has copied what he wants (DatabaseThread.endRead).
   * @throws CORRUPT, FORMAT_VERSION, IO, NO_MEMORY
   */
  find(tree: TreeDoor, key: number, keyLength: number, seqno: number, presenceOnly: boolean): boolean {
    const { kernel, blocks, thread } = this.#engine
    if (!this.#look(tree, key, keyLength, seqno)) return false
    if (presenceOnly) return true
    this.pointer = kernel.word(SLOT_POINTER)
    this.length = kernel.word(SLOT_LENGTH)
    this.large = undefined
    if ((kernel.word(SLOT_TYPE) & TYPE_MASK) === TYPE_EXTENT) {
      const table = kernel.word(SLOT_TABLE)
      try {
        this.large =
          table === 0
            ? chainValue(kernel, this.pointer, this.length)
            : extentValue(this.#engine, blocks.tableAt(table), this.pointer, this.length)
      } catch (error) {
        thread.endRead()
        throw error
      }
    }
    return true
  }

  /** The kernel calls of a look-up, with the blocks that they ask for. If nothing is found the read is over. */
  #look(tree: TreeDoor, key: number, keyLength: number, seqno: number): boolean {
    const { thread } = this.#engine
    try {
      if (thread.isShared) return this.#lookShared(tree, key, keyLength, seqno)
      return this.#lookIn(tree.superVersionAt(seqno), key, keyLength, seqno) === STATUS_FOUND
    } catch (error) {
      throw thread.readFailure(error)
    }
  }

  /**
   * The same beside other threads (docs/concurrency.md, "Reading at one point in time"): the latest state is read optimistically, and at a registered S when that changes
   * too often.
   * ORDER: the SuperVersion is loaded before S, and looked at again after it. If it is the latest still, everything below S is in it.
   */
  #lookShared(tree: TreeDoor, key: number, keyLength: number, seqno: number): boolean {
    const { kernel, thread, snapshots } = this.#engine
    thread.beginRead()
    let held: Registration | undefined
    try {
      let s = seqno
      for (let tries = 0; ; tries++) {
        if (s === 0 && tries === OPTIMISTIC_TRIES) {
          held = snapshots.holdLatest()
          s = held.seqno
        }
        const superVersion = tree.superVersionAt(s)
        const status = this.#lookIn(superVersion, key, keyLength, s)
        if (s === 0 && !this.#isLatest(tree, superVersion, kernel.seqno(SLOT_READ_SEQNO))) continue
        if (status !== STATUS_FOUND) thread.endRead()
        return status === STATUS_FOUND
      }
    } catch (error) {
      thread.endRead()
      throw error
    } finally {
      // NOTE: what was found stays for the read, whatever is dropped now.
      if (held !== undefined) snapshots.letGo(held)
    }
  }

  #lookIn(superVersion: number, key: number, keyLength: number, seqno: number): number {
    const { kernel, blocks } = this.#engine
    const { exports, slot } = kernel
    let status = exports.pointRead(slot, superVersion, key, keyLength, seqno)
    while (status === STATUS_NEED_BLOCK) {
      blocks.loadNeeded()
      status = exports.pointRead(slot, superVersion, key, keyLength, seqno)
    }
    return status
  }

  /** Whether a read at S of this SuperVersion sees what it must: nothing newer holds below S, and nothing of it from S on. */
  #isLatest(tree: TreeDoor, superVersion: number, s: number): boolean {
    if (tree.superVersionAt(0) !== superVersion) return false
    return this.#engine.kernel.view.getFloat64(superVersion + SUPERVERSION_SEQNO, true) < s
  }

  /** Length of a key's value, of which nothing but the list of its extents is read; undefined if the key is not there. See `find`. */
  findLength(tree: TreeDoor, key: number, keyLength: number, seqno: number): number | undefined {
    if (!this.find(tree, key, keyLength, seqno, true)) return undefined
    const { kernel, blocks, thread } = this.#engine
    try {
      const length = kernel.word(SLOT_LENGTH)
      const table = kernel.word(SLOT_TABLE)
      if ((kernel.word(SLOT_TYPE) & TYPE_MASK) !== TYPE_EXTENT || table === 0) return length
      return extentValueLength(this.#engine, blocks.tableAt(table), kernel.word(SLOT_POINTER), length)
    } finally {
      thread.endRead()
    }
  }
}
