import { CONTROL_FRESH_PAGE, CONTROL_PAGE_COUNT, PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { reserveMemory } from './load.ts'

/** Memories of closed databases by size, so that a thousand opens do not reserve a thousand times. */
const idle = new Map<number, WebAssembly.Memory[]>()
/** Idle memories kept per size; a memory holds on to what its database touched. */
const KEPT_PER_SIZE = 2

/** A zeroed memory of `sizeBytes` (a multiple of the page size). @throws NO_MEMORY */
export function takeMemory(sizeBytes: number): WebAssembly.Memory {
  return idle.get(sizeBytes)?.pop() ?? reserveMemory(sizeBytes)
}

/**
 * Gives back the memory of a closed database.
 * INVARIANT: nobody reads it any more; what was touched is zeroed here, so no byte of one database reaches another.
 */
export function giveMemory(memory: WebAssembly.Memory): void {
  // NOTE: bytes of shared memory are filled one by one; words of 8 bytes more than ten times faster.
  const words = new Float64Array(memory.buffer)
  const control = new Uint32Array(memory.buffer)
  const touchedPages = Math.min(
    control[CONTROL_FRESH_PAGE >>> 2] ?? 0,
    control[CONTROL_PAGE_COUNT >>> 2] ?? 0,
  )
  const sizeBytes = memory.buffer.byteLength
  const list = idle.get(sizeBytes) ?? []
  if (list.length >= KEPT_PER_SIZE) return
  words.fill(0, 0, (Math.max(1, touchedPages) * PAGE_BYTES) / words.BYTES_PER_ELEMENT)
  list.push(memory)
  idle.set(sizeBytes, list)
}
