import { createMemory } from '../twins/memory.mjs'
import { createTwins } from '../twins/index.mjs'

export const MEMORY_BYTES = 64 << 20
/** Below lie the kernel's control block and page pool, or what takes their place; from here on the workload, which is the same in all columns. */
export const IMAGE = 16 << 20
/** A word that nobody else uses. */
export const SEQNO_CELL = 512
export const SEQNO_CELLS_BYTES = 1024
/** The first thread's slot (assembly/memory/layout.ts). */
export const SLOT = 4096
const ALIGNMENT_BYTES = 64

/** The bytes that a line's functions work on, put together in a twin's memory: what is to be prepared of them, twins prepare. */
export class Image {
  #memory = createMemory(MEMORY_BYTES)
  #end = IMAGE
  twins = createTwins(this.#memory, new BigUint64Array(SEQNO_CELLS_BYTES / 8))

  /** Room of so many zeros. @returns its address */
  room(bytes) {
    const at = this.#end
    this.#end = (at + bytes + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES
    if (this.#end > MEMORY_BYTES) throw new RangeError('an image as large as the memory')
    return at
  }

  /** @returns the address at which the bytes are */
  put(bytes) {
    const at = this.room(bytes.byteLength)
    this.#memory.u8.set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), at)
    return at
  }

  word(at) {
    return this.#memory.view.getInt32(at, true)
  }

  words(at, count) {
    return this.#memory.i32.subarray(at >>> 2, (at >>> 2) + count)
  }

  bytes() {
    return this.#memory.u8.subarray(IMAGE, this.#end)
  }
}
