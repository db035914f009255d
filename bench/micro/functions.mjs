import { readFileSync } from 'node:fs'
import { createTwins } from '../twins/index.mjs'
import { createMemory } from '../twins/memory.mjs'
import { IMAGE, MEMORY_BYTES, SEQNO_CELLS_BYTES, SLOT } from './image.mjs'

const WASM_PAGE_BYTES = 65_536
const POOL_PAGE_BYTES = 131_072

/** What a second thread of a column needs: given as workerData. */
export function shareWasm(file) {
  const pages = MEMORY_BYTES / WASM_PAGE_BYTES
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  return { memory, module: new WebAssembly.Module(readFileSync(file)) }
}

export function shareTwins() {
  return { words: new SharedArrayBuffer(SEQNO_CELLS_BYTES) }
}

/** The functions of a column that were shared, by name, and their memory as bytes. */
export function functionsOf({ memory, module, words }) {
  if (words !== undefined) {
    const twins = createMemory(MEMORY_BYTES)
    return { functions: createTwins(twins, new BigUint64Array(words)), u8: twins.u8 }
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort } })
  return { functions: exports, u8: new Uint8Array(memory.buffer) }
}

/** Readies the kernel for the first thread. */
export function initialise({ initialise, attachSlot }) {
  initialise(IMAGE / POOL_PAGE_BYTES, 0x9e3779b9, 0x7f4a7c15)
  if (attachSlot(0) !== SLOT) throw new Error('the slot is elsewhere')
}

/** What debug builds call. */
function abort(_message, _file, line, column) {
  throw new Error(`kernel assertion failed at line ${line}, column ${column}`)
}
