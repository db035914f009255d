import { becameShorter } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** A stretch of a file in linear memory: bounded, refilled where it is asked for. */
export class FileWindow {
  readonly fileLength: number
  readonly #kernel: Kernel
  readonly #file: File
  readonly #address: number
  readonly #capacity: number
  /** The stretch: [#from, #end) of the file. */
  #from = 0
  #end = 0

  /** `limit`: bytes of the file from there on are never read. */
  constructor(kernel: Kernel, file: File, address: number, capacity: number, limit: number = Infinity) {
    this.fileLength = Math.min(file.size(), limit)
    this.#kernel = kernel
    this.#file = file
    this.#address = address
    this.#capacity = capacity
  }

  /**
   * Address of the byte at `offset`, with at least min(`bytes`, capacity, what the file has) bytes behind it in the window.
   * @throws IO
   */
  at(offset: number, bytes: number): number {
    const end = Math.min(offset + bytes, this.fileLength)
    const covered = offset >= this.#from && end <= this.#end
    const full = offset === this.#from && this.#end - this.#from === this.#capacity
    if (!covered && !full) this.load(offset)
    return this.#address + (offset - this.#from)
  }

  /** Bytes in the window from `offset` on. */
  available(offset: number): number {
    return this.#end - offset
  }

  /** Fills the window from `offset` on. */
  load(offset: number): void {
    const length = Math.min(this.#capacity, this.fileLength - offset)
    this.#from = offset
    this.#end = offset
    const target = this.#kernel.u8.subarray(this.#address, this.#address + length)
    if (this.#file.read(target, offset) !== length) throw becameShorter(this.#file.name, offset)
    this.#end = offset + length
  }
}
