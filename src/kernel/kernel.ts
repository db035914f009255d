import {
  CONTROL_FREE_PAGES,
  CONTROL_SLOTS_TAKEN,
  PAGE_BYTES,
  SLOT_CHECKSUM,
  SLOT_COUNT,
  SLOT_INPUT,
  SLOT_HASH_STATE,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import type { KernelExports } from './exports.ts'
import { instantiateKernel } from './load.ts'
import { FileUser } from './file-users.ts'
import { textCodec, type TextCodec } from './text.ts'
import { giveMemory, takeMemory } from './memory-pool.ts'

/**
 * One thread's door to the kernel of one database: raw exports, the thread's slot, and views over the memory.
 * The memory never grows, so the views never go stale.
 */
export class Kernel {
  readonly memory: WebAssembly.Memory
  readonly exports: KernelExports
  /** Address of this thread's slot. */
  readonly slot: number
  readonly slotIndex: number
  /** Address of this thread's input page: a key at +0, a second one at +INPUT_SECOND. */
  readonly input: number
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  /** The same words for Atomics. */
  readonly words: Int32Array
  readonly view: DataView
  readonly text: TextCodec
  /** Files of records that this thread uses beyond the calls that found them. */
  readonly files: FileUser
  /** Page through which bytes in JavaScript memory are hashed. */
  readonly #bouncePage: number
  #released = false

  /** A fresh database memory of `memoryLimit` bytes, zeroed. `seed`: 8 random bytes. @throws NO_MEMORY */
  static create(memoryLimit: number, seed: Uint8Array): Kernel {
    const memory = takeMemory(memoryLimit)
    const exports = instantiateKernel(memory)
    const random = new DataView(seed.buffer, seed.byteOffset, 8)
    exports.initialise(memoryLimit / PAGE_BYTES, random.getUint32(0, true), random.getUint32(4, true))
    return new Kernel(memory, exports)
  }

  /** The memory of a database that is open on another thread. `slot`: index of the slot that is kept for this thread, if one is. @throws NO_MEMORY: no page, or no slot */
  static attach(memory: WebAssembly.Memory, slot?: number): Kernel {
    return new Kernel(memory, instantiateKernel(memory), slot)
  }

  private constructor(memory: WebAssembly.Memory, exports: KernelExports, slot?: number) {
    this.memory = memory
    this.exports = exports
    this.u8 = new Uint8Array(this.memory.buffer)
    this.u32 = new Uint32Array(this.memory.buffer)
    this.view = new DataView(this.memory.buffer)
    this.text = textCodec(this.u8)
    this.words = new Int32Array(memory.buffer)
    this.slotIndex = slot ?? exports.takeSlot()
    if (this.slotIndex === SLOT_COUNT) throw noSlots()
    this.slot = exports.attachSlot(this.slotIndex) >>> 0
    this.files = new FileUser(this.words, this.slotIndex)
    const bounce = this.slot === 0 ? 0 : exports.allocateOwnPage(this.slotIndex) >>> 0
    if (bounce === 0) {
      exports.giveSlot(this.slotIndex)
      throw noPages()
    }
    this.input = this.word(SLOT_INPUT)
    this.#bouncePage = bounce
  }

  /** A u32 of this thread's slot: word(SLOT_POINTER), … */
  word(offset: number): number {
    return this.u32[(this.slot + offset) >>> 2] as number
  }

  /** An f64 of this thread's slot. */
  float(offset: number): number {
    return this.view.getFloat64(this.slot + offset, true)
  }

  /** A u64 of this thread's slot that is a seqno: seqno(SLOT_GROUP_SEQNO), … */
  seqno(offset: number): number {
    const at = (this.slot + offset) >>> 2
    return (this.u32[at] as number) + (this.u32[at + 1] as number) * 4294967296
  }

  freePages(): number {
    return this.u32[CONTROL_FREE_PAGES >>> 2] as number
  }

  /** A page of the pool for this thread: it goes with the thread if it is not freed before. @throws NO_MEMORY */
  page(): number {
    const page = this.exports.allocateOwnPage(this.slotIndex) >>> 0
    if (page === 0) throw noPages()
    return page
  }

  /** A zeroed record of at least `bytes`. @throws NO_MEMORY */
  record(bytes: number): number {
    const record = this.exports.allocateRecord(bytes) >>> 0
    if (record === 0) throw noPages()
    return record
  }

  /** Has keys hashed as the database with that id does it. INVARIANT: before the first key is hashed; once. */
  hashKeysFor(databaseId: Uint8Array): void {
    this.u8.set(databaseId, this.input)
    this.exports.setKeySecret(this.input)
  }

  /** XXH3-64 of bytes in JavaScript memory, of any length, as 8 little-endian bytes at `target[at]`. */
  hashBytes(bytes: Uint8Array, target: Uint8Array, at: number): void {
    const { exports, slot, u8 } = this
    const page = this.#bouncePage
    const result = slot + SLOT_CHECKSUM
    if (bytes.byteLength <= PAGE_BYTES) {
      u8.set(bytes, page)
      exports.hash(page, bytes.byteLength, result)
    } else {
      exports.hashBegin(slot + SLOT_HASH_STATE)
      for (let start = 0; start < bytes.byteLength; start += PAGE_BYTES) {
        const part = bytes.subarray(start, start + PAGE_BYTES)
        u8.set(part, page)
        exports.hashUpdate(slot + SLOT_HASH_STATE, page, part.byteLength)
      }
      exports.hashFinish(slot + SLOT_HASH_STATE, result)
    }
    for (let i = 0; i < 8; i++) target[at + i] = u8[result + i] as number
  }

  /** Gives this thread's slot and pages back; other threads go on. INVARIANT: nothing uses this object afterwards. */
  detach(): void {
    if (this.#released) return
    this.#released = true
    this.exports.giveSlot(this.slotIndex)
  }

  /** Returns the memory to the pool, unless another thread has it still. INVARIANT: this one does not use it afterwards. */
  release(): void {
    if (this.#released) return
    this.#released = true
    this.exports.giveSlot(this.slotIndex)
    const [low, high] = [CONTROL_SLOTS_TAKEN >>> 2, (CONTROL_SLOTS_TAKEN >>> 2) + 1]
    if (Atomics.load(this.words, low) === 0 && Atomics.load(this.words, high) === 0) giveMemory(this.memory)
  }
}

export function noSlots(): VarveError {
  return new VarveError(
    'NO_MEMORY',
    `${SLOT_COUNT} threads use the database already; close it on one of them first.`,
  )
}

export function noPages(): VarveError {
  return new VarveError(
    'NO_MEMORY',
    'All pages of the database memory are in use; close iterators and snapshots or open with a larger memoryLimit.',
  )
}
