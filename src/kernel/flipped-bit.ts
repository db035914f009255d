/** Longest piece that is searched. NOTE: each of its bits costs a checksum of all of it: 20 to 60 ms for 8 KiB. */
const SEARCHED_BYTES = 8192

/**
 * The one bit that was flipped in a piece that fails its checksum, counted from its start, the lowest of a byte first; undefined: it was not one, or the piece is long.
 * `holds` checks the piece as it lies there; it is as before afterwards.
 */
export function flippedBit(piece: Uint8Array, holds: () => boolean): number | undefined {
  if (piece.byteLength > SEARCHED_BYTES) return undefined
  for (let at = 0; at < piece.byteLength; at++) {
    const byte = piece[at] as number
    for (let bit = 0; bit < 8; bit++) {
      piece[at] = byte ^ (1 << bit)
      const isIt = holds()
      piece[at] = byte
      if (isIt) return 8 * at + bit
    }
  }
  return undefined
}

/** How it is told. `offset`: where the piece begins in its file. */
export function flippedBitText(offset: number, bit: number): string {
  return `bit ${bit & 7} of the byte at ${offset + (bit >> 3)} is flipped`
}
