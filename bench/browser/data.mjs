import { randomSource } from '../data.mjs'

/** Keys of 16 bytes in random order and values of 100 bytes, half of which can be compressed: as ../data.mjs has them, where there are no Buffers. */
export const ENTRIES = 100_000

const encoder = new TextEncoder()

export function keyOf(i) {
  return encoder.encode(String(i).padStart(16, '0'))
}

/** [key, value], all of them. */
export function shuffledEntries() {
  const random = randomSource(1)
  const order = Array.from({ length: ENTRIES }, (_, i) => i)
  for (let i = ENTRIES - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order.map((i) => {
    const value = new Uint8Array(100).fill(120)
    for (let j = 0; j < 50; j++) value[j] = Math.floor(random() * 256)
    return [keyOf(i), value]
  })
}

export function randomKeys(count, seed) {
  const random = randomSource(seed)
  return Array.from({ length: count }, () => keyOf(Math.floor(random() * ENTRIES)))
}
