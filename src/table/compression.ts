import { COMPRESSION_LZ4, COMPRESSION_NONE } from '../../assembly/memory/layout.ts'

/** How a table's blocks are compressed where that pays. */
export type Compression = 'none' | 'lz4'

/** What a number of the file format says; undefined: none that this version knows. */
export function compressionOf(number: number): Compression | undefined {
  return number === COMPRESSION_LZ4 ? 'lz4' : number === COMPRESSION_NONE ? 'none' : undefined
}

/** The number of the file format. */
export function compressionNumber(compression: Compression): number {
  return compression === 'lz4' ? COMPRESSION_LZ4 : COMPRESSION_NONE
}
