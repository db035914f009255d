/** An LZ4 implementation that is not the kernel's, by blocks. */
import { createRequire } from 'node:module'

/** The two of its functions that are used here; it brings no types. */
interface Lz4js {
  compressBound(length: number): number
  /** @returns the bytes written to `to`, 0 if nothing can be saved. */
  compressBlock(from: Uint8Array, to: Uint8Array, at: number, length: number, hashTable: Uint32Array): number
  /** @returns the end of what was written. */
  decompressBlock(from: Uint8Array, to: Uint8Array, at: number, length: number, toAt: number): number
}

const lz4js = createRequire(import.meta.url)('lz4js') as Lz4js

/** The LZ4 block, or undefined if nothing can be saved. */
export function compressBlock(bytes: Uint8Array): Uint8Array | undefined {
  const to = new Uint8Array(lz4js.compressBound(bytes.length))
  const length = lz4js.compressBlock(bytes, to, 0, bytes.length, new Uint32Array(65536))
  return length === 0 ? undefined : to.slice(0, length)
}

/** @throws if the block does not make exactly `rawLength` bytes */
export function decompressBlock(block: Uint8Array, rawLength: number): Uint8Array {
  // NOTE: it writes past the end of an array without an error; the returned end tells.
  const to = new Uint8Array(rawLength)
  const end = lz4js.decompressBlock(block, to, 0, block.length, 0)
  if (end !== rawLength) throw new Error(`${end} bytes instead of ${rawLength}`)
  return to
}
