/** The block cursor, which no export shows, for kernel tests: compiled here with asserts, on a memory of its own. */
import { readFileSync } from 'node:fs'
import asc from 'assemblyscript/asc'
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'

/** Booleans come back as 0 or 1. */
export interface BlockInternals {
  blockOpen(cursor: number, payload: number, length: number): void
  blockFirst(cursor: number): number
  blockLast(cursor: number): number
  blockNext(cursor: number): number
  blockPrevious(cursor: number): number
  blockSeekGE(cursor: number, key: number, keyLength: number, trailer: bigint): number
  blockSeekLT(cursor: number, key: number, keyLength: number, trailer: bigint): number
  blockSeekOrdinal(cursor: number, ordinal: number): number
  blockOrdinal(cursor: number): number
  blockKeyLength(cursor: number): number
  blockCopyKey(cursor: number, to: number): void
  blockCompareKey(cursor: number, key: number, keyLength: number): number
  blockKeyEquals(cursor: number, key: number, keyLength: number): number
  separator(last: number, lastLength: number, next: number, nextLength: number): number
  // Offsets of the cursor's fields, as globals.
  CURSOR_ENTRY: WebAssembly.Global<'i32'>
  CURSOR_NEXT: WebAssembly.Global<'i32'>
  CURSOR_VALUE: WebAssembly.Global<'i32'>
  CURSOR_VALUE_LENGTH: WebAssembly.Global<'i32'>
  CURSOR_TRAILER: WebAssembly.Global<'i32'>
}

const entry = 'assembly/block-internals.ts'
const source = `
export * from './table/block-reader'
export * from './table/block-seek'
export { separator } from './table/separator'
export { CURSOR_ENTRY, CURSOR_NEXT, CURSOR_VALUE, CURSOR_VALUE_LENGTH, CURSOR_TRAILER } from './table/block-entry'
`

async function compile(): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined
  const { error } = await asc.main([entry, '--target', 'debug', '--outFile', 'block-internals.wasm'], {
    readFile(name) {
      if (name === entry) return source
      try {
        return readFileSync(name, 'utf8')
      } catch {
        return null
      }
    },
    writeFile(_name, contents) {
      if (typeof contents !== 'string') binary = contents
    },
    listFiles: () => null,
  })
  if (error || binary === undefined) throw new Error(`${entry}: ${error?.message ?? 'no output'}`)
  return new WebAssembly.Module(Uint8Array.from(binary))
}

export async function blockInternals(
  pages = 8,
): Promise<{ x: BlockInternals; u8: Uint8Array; view: DataView }> {
  const wasmPages = (pages * PAGE_BYTES) / 65536
  const memory = new WebAssembly.Memory({ initial: wasmPages, maximum: wasmPages, shared: true })
  const instance = new WebAssembly.Instance(await compile(), {
    env: {
      memory,
      abort(_message: number, _file: number, line: number, column: number): never {
        throw new Error(`kernel assertion failed at line ${line}, column ${column}`)
      },
    },
  })
  const x = instance.exports as unknown as BlockInternals
  return { x, u8: new Uint8Array(memory.buffer), view: new DataView(memory.buffer) }
}
