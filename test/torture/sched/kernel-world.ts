import { PAGE_BYTES } from '../../../assembly/memory/layout.ts'
import type { KernelExports } from '../../../src/kernel/exports.ts'
import { exploredKernel, type ExploredExports } from './explored-kernel.ts'
import { TouchedMemory } from './touched-memory.ts'

/** Where a thread's stack is kept while another one runs: at the end of page 0, for four threads. */
export const STACKS = 114688
export const STACK_BYTES = 4096
/** What pages hold that nobody has written to: as a pointer it lies outside of every memory here. */
const GARBAGE = 0xdb

/** A small memory with a kernel as it is shipped, to build up the state in which schedules begin. */
export class KernelWorld {
  readonly memory: WebAssembly.Memory
  readonly shipped: KernelExports
  /** The explored kernel, for what the shipped one does not export. */
  readonly inner: ExploredExports
  readonly u8: Uint8Array
  readonly u32: Uint32Array
  readonly u64: BigUint64Array
  /** The same words as Atomics sees them. */
  readonly i32: Int32Array
  readonly i64: BigInt64Array
  readonly view: DataView
  readonly touched: TouchedMemory

  constructor(pages: number) {
    const size = (pages * PAGE_BYTES) / 65536
    this.memory = new WebAssembly.Memory({ initial: size, maximum: size, shared: true })
    this.u8 = new Uint8Array(this.memory.buffer)
    this.u32 = new Uint32Array(this.memory.buffer)
    this.u64 = new BigUint64Array(this.memory.buffer)
    this.i32 = new Int32Array(this.memory.buffer)
    this.i64 = new BigInt64Array(this.memory.buffer)
    this.view = new DataView(this.memory.buffer)
    this.touched = new TouchedMemory(this.memory.buffer)
    this.u8.fill(GARBAGE, PAGE_BYTES)
    const { explored, shipped } = exploredKernel()
    const { memory } = this
    this.shipped = new WebAssembly.Instance(shipped, { env: { memory } }).exports as unknown as KernelExports
    const inner = new WebAssembly.Instance(explored, { env: { memory, point: () => {} } })
    this.inner = inner.exports as unknown as ExploredExports
    this.shipped.initialise(pages, 0x9e3779b9, 0x7f4a7c15)
  }

  /** The u32 at an address. */
  word(address: number): number {
    return this.u32[address >>> 2] as number
  }

  setWord(address: number, value: number): void {
    this.touched.touch(address, 4)
    this.u32[address >>> 2] = value
  }

  /** The u64 at an address, below 2^53. */
  long(address: number): number {
    return this.word(address) + this.word(address + 4) * 4294967296
  }
}
