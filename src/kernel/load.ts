import { instantiateSync } from '@assemblyscript/loader'
import { VarveError } from '../errors.ts'
import type { KernelExports } from './exports.ts'
import { wasmHex } from './wasm.generated.ts'

let compiled: WebAssembly.Module | undefined

/** The kernel's module, compiled once per process. */
export function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(bytesOfHex(wasmHex))
  return compiled
}

/** NOTE: of the digits 0 to 9 and a to f. */
function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  const digit = (at: number): number => {
    const code = text.charCodeAt(at)
    return code > 0x39 ? code - 0x57 : code - 0x30
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = digit(2 * i) * 16 + digit(2 * i + 1)
  return bytes
}

/**
 * Instantiates the kernel on a memory. The loader decodes aborts of a debug build; hot calls take the raw
 * exports behind it, because its wrappers cost as much as a call.
 */
export function instantiateKernel(memory: WebAssembly.Memory): KernelExports {
  const { instance } = instantiateSync(kernelModule(), { env: { memory } })
  return instance.exports as unknown as KernelExports
}

/** Takes the release kernel embedded in this package, or another build of it (tests use the debug one). */
export function useKernelModule(module: WebAssembly.Module): void {
  compiled = module
}

/** Reserves a memory of fixed size. @throws NO_MEMORY naming memoryLimit. */
export function reserveMemory(sizeBytes: number): WebAssembly.Memory {
  const pages = sizeBytes / 65536
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  } catch (cause) {
    throw new VarveError(
      'NO_MEMORY',
      `A memory of ${sizeBytes} bytes could not be reserved; open with a smaller memoryLimit or close other databases.`,
      { cause },
    )
  }
}
