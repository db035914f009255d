/** Bytewise order of memory[pointer, pointer + length) and a key: negative, zero or positive. */
export function compareAt(memory: Uint8Array, pointer: number, length: number, key: Uint8Array): number {
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
