/** The data of every benchmark: 16-byte zero-padded decimal keys, 100-byte values of which half can be compressed. */

/** A small deterministic generator (mulberry32): the same data in every run. */
export function randomSource(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function sequentialKeys(count) {
  const keys = []
  for (let i = 0; i < count; i++) keys.push(Buffer.from(String(i).padStart(16, '0')))
  return keys
}

/** All of 0 … count-1 in random order. */
export function shuffledKeys(count, seed = 1) {
  const keys = sequentialKeys(count)
  const random = randomSource(seed)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[keys[i], keys[j]] = [keys[j], keys[i]]
  }
  // NOTE: copied in the order of their use, as a program that has just made or received its keys has them; else what is measured are
  // the cache misses of the harness.
  return keys.map((key) => Buffer.from(key))
}

export function halfCompressibleValues(count, lengthBytes = 100, seed = 2) {
  const random = randomSource(seed)
  const values = []
  for (let i = 0; i < count; i++) {
    const value = Buffer.alloc(lengthBytes, 'x')
    for (let j = 0; j < lengthBytes / 2; j++) value[j] = Math.floor(random() * 256)
    values.push(value)
  }
  return values
}
