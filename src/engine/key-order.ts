import type { Run, TableInfo } from '../version/version.ts'

/** Bytewise order of memory[pointer, pointer + length) and a key: negative, zero or positive. */
function compareAt(memory: Uint8Array, pointer: number, length: number, key: Uint8Array): number {
  const shared = Math.min(length, key.byteLength)
  for (let i = 0; i < shared; i++) {
    const difference = (memory[pointer + i] as number) - (key[i] as number)
    if (difference !== 0) return difference
  }
  return length - key.byteLength
}

/** The smallest key above every key with this prefix, or undefined if there is none (all bytes 0xFF). */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let i = prefix.byteLength - 1; i >= 0; i--) {
    const byte = prefix[i] as number
    if (byte === 0xff) continue
    const end = prefix.slice(0, i + 1)
    end[i] = byte + 1
    return end
  }
  return undefined
}

/** The table of a run (disjoint, ascending) that can hold the key. */
export function tableFor(
  memory: Uint8Array,
  run: Run,
  key: number,
  keyLength: number,
): TableInfo | undefined {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareAt(memory, key, keyLength, (run[middle] as TableInfo).largestKey) > 0) low = middle + 1
    else high = middle
  }
  const table = run[low]
  return table !== undefined && compareAt(memory, key, keyLength, table.smallestKey) >= 0 ? table : undefined
}
