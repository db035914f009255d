/** Small things that formats and orders of keys need of byte strings. */

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}

export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

export function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i)
}

export function hasAscii(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** Byte by byte, a prefix first. Negative, 0 or positive. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.byteLength, b.byteLength)
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.byteLength - b.byteLength
}

/** Whether no half of a surrogate pair stands alone, so that the text has a UTF-8 form. */
export function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const low = text.charCodeAt(++i)
    if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return false
  }
  return true
}

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

/**
 * Memory that the caller fills at once and whole: until then it holds what was there before, where the host can save the time to clear it.
 * NOTE: for sizes that are worth a buffer of their own.
 */
export function unfilledBytes(length: number): Uint8Array<ArrayBuffer> {
  if (typeof Buffer === 'undefined') return new Uint8Array(length)
  const memory = Buffer.allocUnsafeSlow(length).buffer
  return new Uint8Array(memory)
}

/** Memory for so many bytes, or none. */
export function memoryFor(length: number): Uint8Array | undefined {
  try {
    return new Uint8Array(length)
  } catch {
    return undefined
  }
}
