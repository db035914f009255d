import { Buffer } from 'node:buffer'
import { PAGE_BYTES } from '../../../assembly/memory/layout.ts'

// What assembly/explored/touched.ts draws.
const TOUCHED = 73728
const MARKS = 73792
const LIST = 86016
const LIST_MAX = 3072
const LINE_SHIFT = 9
const LINE_BYTES = 1 << LINE_SHIFT
/** [TOUCHED, OWN_END) and the stacks belong to the exploration, not to the kernel. */
const OWN_END = 98304
/** As kernel-world.ts has it. */
const STACKS = 114688
const COMPARED_BYTES = 8192

/** A memory and its initial state. The explored kernel notes the lines that it writes to; those are put back between two schedules. */
export class TouchedMemory {
  readonly #u8: Uint8Array
  readonly #u32: Uint32Array
  #initial: Uint8Array
  #lines: Uint8Array[] = []

  constructor(memory: ArrayBufferLike) {
    this.#u8 = new Uint8Array(memory)
    this.#u32 = new Uint32Array(memory)
    this.#initial = new Uint8Array(0)
    if (memory.byteLength >>> LINE_SHIFT > LIST - MARKS)
      throw new RangeError('the memory is too large to note its lines')
  }

  /** Takes the memory as it is for the initial state. */
  begin(): void {
    this.#u8.fill(0, TOUCHED, LIST)
    this.#initial = this.#u8.slice()
    this.#lines = []
    for (let at = 0; at < this.#initial.length; at += LINE_BYTES) {
      this.#lines.push(this.#initial.subarray(at, at + LINE_BYTES))
    }
  }

  /** Before something else than the explored kernel writes to [from, from + length). */
  touch(from: number, length: number): void {
    for (let line = from >>> LINE_SHIFT; line <= (from + length - 1) >>> LINE_SHIFT; line++) {
      if (this.#u8[MARKS + line] !== 0) continue
      this.#u8[MARKS + line] = 1
      const count = this.#u32[TOUCHED >>> 2] as number
      if (count < LIST_MAX) this.#u32[(LIST >>> 2) + count] = line
      this.#u32[TOUCHED >>> 2] = count + 1
    }
  }

  restore(): void {
    const u8 = this.#u8
    const u32 = this.#u32
    const count = u32[TOUCHED >>> 2] as number
    if (count > LIST_MAX) {
      u8.set(this.#initial.subarray(0, TOUCHED))
      u8.set(this.#initial.subarray(OWN_END), OWN_END)
      u8.fill(0, MARKS, LIST)
    } else {
      for (let i = 0; i < count; i++) {
        const line = u32[(LIST >>> 2) + i] as number
        u8.set(this.#lines[line] as Uint8Array, line << LINE_SHIFT)
        u8[MARKS + line] = 0
      }
    }
    u32[TOUCHED >>> 2] = 0
  }

  /** @throws Error if restore does not put back everything: then something wrote without touching */
  verify(): void {
    this.restore()
    for (let at = 0; at < this.#u8.length; at += COMPARED_BYTES) {
      const end = at + COMPARED_BYTES
      const isOwn = (at >= TOUCHED && at < OWN_END) || (at >= STACKS && at < PAGE_BYTES)
      if (isOwn || Buffer.compare(this.#u8.subarray(at, end), this.#initial.subarray(at, end)) === 0) continue
      throw new Error(`memory between ${at} and ${end} was written to without a note`)
    }
  }
}
