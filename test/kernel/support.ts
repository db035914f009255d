/** A bare kernel for kernel tests: its own memory, raw exports and views, no engine around it. */
import { readFileSync } from 'node:fs'
import type { KernelExports } from '../../src/kernel/exports.ts'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'

export interface BareKernel {
  memory: WebAssembly.Memory
  x: KernelExports
  slot: number
  u8: Uint8Array
  u32: Uint32Array
  view: DataView
}

/** VARVE_WASM names another build (for example the release one); the default is the debug build, with asserts. */
const file = process.env['VARVE_WASM'] ?? 'build/varve.debug.wasm'
const compiled = new WebAssembly.Module(readFileSync(file))

export function bareKernel(pages = 512): BareKernel {
  const wasmPages = (pages * PAGE_BYTES) / 65536
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true })
  const instance = new WebAssembly.Instance(compiled, {
    env: {
      memory,
      abort(_message: number, _file: number, line: number, column: number): never {
        throw new Error(`kernel assertion failed at line ${line}, column ${column}`)
      },
    },
  })
  const x = instance.exports as unknown as KernelExports
  x.initialise(pages, 0x9e3779b9, 0x7f4a7c15)
  const slot = x.attachSlot(0) >>> 0
  return {
    memory,
    x,
    slot,
    u8: new Uint8Array(memory.buffer),
    u32: new Uint32Array(memory.buffer),
    view: new DataView(memory.buffer),
  }
}
