/** Seeded mutations of encodings: what an accident, or somebody who knows the format, would make of them. */
import { pick } from '../../support/random.ts'

/** Bounds of the formats' widths and of the engine's limits, each −1, 0 and +1. */
const INTERESTING: readonly number[] = [
  0, 127, 128, 255, 256, 16_383, 16_384, 32_767, 32_768, 65_535, 65_536, 131_048, 131_072, 2_097_152,
  0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
].flatMap((value) => [value - 1, value, value + 1])

export class Mutator {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  pick(bound: number): number {
    return pick(this.#random, bound)
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  /** A changed copy; sometimes an unchanged one. */
  mutate(base: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
    let bytes: Uint8Array = base.slice()
    for (let count = this.pick(5); count > 0; count--) bytes = this.#once(bytes, corpus)
    return bytes
  }

  #once(bytes: Uint8Array, corpus: readonly Uint8Array[]): Uint8Array {
    const length = bytes.byteLength
    const at = this.pick(Math.max(1, length))
    switch (this.pick(12)) {
      case 0:
        if (length > 0) bytes[at] = (bytes[at] as number) ^ (1 << this.pick(8))
        return bytes
      case 1:
        if (length > 0) bytes[at] = this.pick(256)
        return bytes
      // A length field, of some width, anywhere or near the end, where trailers are.
      case 2:
      case 3:
        return this.#number(bytes, this.chance(0.5) ? at : Math.max(0, length - 1 - this.pick(40)))
      case 4: {
        const i = this.chance(0.5) ? at : Math.max(0, length - 1 - this.pick(40))
        if (i < length) bytes[i] = (bytes[i] as number) + (this.chance(0.5) ? 1 : -1)
        return bytes
      }
      case 5:
        return bytes.slice(0, at)
      case 6:
        return this.#joined(bytes, this.#noise(1 + this.pick(40)))
      case 10:
        return this.#joined(bytes.subarray(0, at), this.#varint(), bytes.subarray(at + this.pick(3)))
      // A stretch removed, doubled, or put in from another one.
      case 7:
        return this.#joined(bytes.subarray(0, at), bytes.subarray(at + 1 + this.pick(16)))
      case 8:
        return this.#joined(bytes.subarray(0, at + this.pick(32)), bytes.subarray(at))
      case 9: {
        const other = corpus[this.pick(corpus.length)] ?? bytes
        return this.#joined(bytes.subarray(0, at), other.subarray(this.pick(other.byteLength + 1)))
      }
      default:
        bytes.copyWithin(at, this.pick(length + 1), this.pick(length + 1))
        return bytes
    }
  }

  #number(bytes: Uint8Array, at: number): Uint8Array {
    const width = [1, 2, 4, 8][this.pick(4)] ?? 4
    if (at + width > bytes.byteLength) return bytes
    let value = INTERESTING[this.pick(INTERESTING.length)] ?? 0
    const isNegative = value < 0
    for (let i = 0; i < width; i++) {
      bytes[at + i] = isNegative ? 255 : value & 255
      value = Math.floor(value / 256)
    }
    return bytes
  }

  #noise(length: number): Uint8Array {
    const zero = this.chance(0.3)
    return Uint8Array.from({ length }, () => (zero ? 0 : this.pick(256)))
  }

  #varint(): Uint8Array {
    const bytes: number[] = []
    let rest = Math.abs(INTERESTING[this.pick(INTERESTING.length)] ?? 0)
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
    return Uint8Array.from([...bytes, rest])
  }

  #joined(...parts: Uint8Array[]): Uint8Array {
    const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
    let at = 0
    for (const part of parts) {
      joined.set(part, at)
      at += part.byteLength
    }
    return joined
  }
}
