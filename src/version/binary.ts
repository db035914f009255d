/** Bytes of fixed layout: little-endian numbers, magic strings, comparisons. */
import { VarveError } from '../errors.ts'

/** XXH3-64 as `Kernel` offers it: 8 little-endian bytes at `target[at]`. */
export interface Hasher {
  hashBytes(bytes: Uint8Array, target: Uint8Array, at: number): void
}

const highWordScale = 4_294_967_296

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Puts a whole number below 2^53 as u64. */
export function putU64(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} must be an integer from 0 to 2^53-1`)
  view.setUint32(at, value % highWordScale, true)
  view.setUint32(at + 4, Math.floor(value / highWordScale), true)
}

/** A u64; Infinity stands for everything from 2^53 on, so that every upper bound refuses it. */
export function getU64(view: DataView, at: number): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * highWordScale
  return value <= Number.MAX_SAFE_INTEGER ? value : Infinity
}

export function hash(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(8)
  hasher.hashBytes(bytes, result, 0)
  return result
}

/** A file of a later version, or one with features that must not be overlooked. */
export function unknownFormat(file: string, offset: number, what: string): VarveError {
  return new VarveError(
    'FORMAT_VERSION',
    `${file} uses ${what}, which this version does not know; open the database with a newer version.`,
    { file, offset },
  )
}
