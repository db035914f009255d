import { unfilledBytes } from '../bytes.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** Results up to this size share a slab; larger ones have a buffer of their own. */
const POOLED_LIMIT_BYTES = 4096
/** The same for chunks of ranges, of which a slab shall hold several. */
const POOLED_CHUNK_BYTES = 16384
const SLAB_BYTES = 65536
/** Up to this size a loop over words beats a native copy and its temporary view. */
const LOOP_LIMIT_BYTES = 256

/** Node's way of refusing to transfer a buffer to another thread; elsewhere there is none. */
const untransferable: ((buffer: ArrayBuffer) => void) | undefined =
  typeof process === 'object'
    ? process.getBuiltinModule?.('node:worker_threads').markAsUntransferable
    : undefined

type BufferClass = new (memory: ArrayBufferLike, at: number, length: number) => Buffer

/** The class of what `Buffer.from` makes, which makes one in half of the time; undefined where the host has none. */
const SpeciesOfBuffer: BufferClass | undefined = speciesOfBuffer()

function speciesOfBuffer(): BufferClass | undefined {
  if (typeof Buffer === 'undefined') return undefined
  const species = (Buffer as unknown as Record<symbol, unknown>)[Symbol.species]
  // NOTE: Buffer itself is deprecated as a constructor.
  if (typeof species !== 'function' || species === Buffer) return undefined
  return species.prototype === Buffer.prototype ? (species as BufferClass) : undefined
}

/** A Buffer over a piece of memory, which is not copied. INVARIANT: the host has Buffers. */
export function bufferOver(memory: ArrayBufferLike, at: number, length: number): Buffer {
  if (SpeciesOfBuffer === undefined) return Buffer.from(memory, at, length)
  return new SpeciesOfBuffer(memory, at, length)
}

/** Where a copy lies. */
export interface Piece {
  readonly memory: ArrayBuffer
  readonly at: number
}

/**
 * Copies results out of linear memory. Small ones are views of shared slabs (like Node's Buffer pool), which are never
 * overwritten and are collected when the last result in them is.
 */
export class ResultPool {
  readonly #kernel: Kernel
  #slab: ArrayBuffer = new ArrayBuffer(0)
  #bytes: Uint8Array = new Uint8Array(0)
  #words: Int32Array = new Int32Array(0)
  #used = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  bytes(pointer: number, length: number): Uint8Array {
    if (length > POOLED_LIMIT_BYTES) return this.#own(pointer, length)
    const at = this.#copy(pointer, length)
    return new Uint8Array(this.#slab, at, length)
  }

  buffer(pointer: number, length: number): Buffer {
    if (length > POOLED_LIMIT_BYTES) {
      const bytes = this.#own(pointer, length)
      return bufferOver(bytes.buffer, bytes.byteOffset, length)
    }
    const at = this.#copy(pointer, length)
    return bufferOver(this.#slab, at, length)
  }

  /** Copies a piece of which several results are views. They hold each other in memory. */
  chunk(pointer: number, length: number): Piece {
    if (length <= POOLED_CHUNK_BYTES) {
      const at = this.#copy(pointer, length)
      return { memory: this.#slab, at }
    }
    const memory = this.#own(pointer, length).buffer
    // NOTE: as of a slab.
    untransferable?.(memory)
    return { memory, at: 0 }
  }

  #own(pointer: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = unfilledBytes(length)
    bytes.set(this.#kernel.u8.subarray(pointer, pointer + length))
    return bytes
  }

  /** Copies into the slab. @returns the position there. */
  #copy(pointer: number, length: number): number {
    if (this.#used + length > this.#slab.byteLength) this.#renew()
    const at = this.#used
    // NOTE: positions stay multiples of 8, so that words can be copied; the padding belongs to this result.
    this.#used = (at + length + 7) & ~7
    if (length > LOOP_LIMIT_BYTES) {
      this.#bytes.set(this.#kernel.u8.subarray(pointer, pointer + length), at)
    } else {
      // NOTE: a DataView reads words wherever they lie: 100 bytes take 25 ns, one by one 100.
      const { view, u8 } = this.#kernel
      const words = this.#words
      const wordBytes = length & ~3
      const end = pointer + wordBytes
      let target = at >>> 2
      for (let source = pointer; source < end; source += 4) words[target++] = view.getInt32(source, true)
      for (let i = wordBytes; i < length; i++) this.#bytes[at + i] = u8[pointer + i] as number
    }
    return at
  }

  #renew(): void {
    this.#slab = unfilledBytes(SLAB_BYTES).buffer
    // NOTE: transferring one result would empty all others of its slab.
    untransferable?.(this.#slab)
    this.#bytes = new Uint8Array(this.#slab)
    this.#words = new Int32Array(this.#slab)
    this.#used = 0
  }
}
