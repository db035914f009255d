import { halfCompressibleValues, sequentialKeys, shuffledKeys } from '../data.mjs'

const VALUES = 1000
const VALUES_BYTES_MAX = 64 << 20
/** Prime: its multiples go through all numbers below a count it does not divide. */
const STRIDE = 611_953

/** Keys and values of a workload, each made when it is first asked for. `operations`: how many of the shuffled keys are `some`. */
export class MacroData {
  #entries
  #valueBytes
  #operations
  #strings
  #made = new Map()

  constructor({ entries, valueBytes, operations, strings }) {
    this.#entries = entries
    this.#valueBytes = valueBytes
    this.#operations = operations
    this.#strings = strings
  }

  /** In their order. */
  get keys() {
    return this.#once('keys', () => this.#text(sequentialKeys(this.#entries)))
  }

  get shuffled() {
    return this.#once('shuffled', () => this.#text(shuffledKeys(this.#entries)))
  }

  get some() {
    return this.#once('some', () => this.shuffled.slice(0, this.#operations))
  }

  /** Keys that lie between those that are there. */
  get missing() {
    return this.#once('missing', () => this.#ending('x'))
  }

  get fresh() {
    return this.#once('fresh', () => this.#ending('y'))
  }

  get values() {
    const count = Math.max(1, Math.min(VALUES, Math.floor(VALUES_BYTES_MAX / this.#valueBytes)))
    // NOTE: as strings ASCII, so that 100 characters are 100 bytes under both encodings.
    return this.#once('values', () =>
      halfCompressibleValues(count, this.#valueBytes).map((value) =>
        this.#strings ? value.map((byte) => 0x20 + (byte % 0x5f)).toString('latin1') : value,
      ),
    )
  }

  /** Keys `at` to `at + count` of another random order, which no list holds. */
  chunkOf = (at, count) => {
    const keys = []
    for (let i = at; i < Math.min(this.#entries, at + count); i++) {
      keys.push(Buffer.from(String((i * STRIDE) % this.#entries).padStart(16, '0')))
    }
    return this.#text(keys)
  }

  #ending(end) {
    return this.shuffled.map((key) =>
      this.#strings ? `${key.slice(0, -1)}${end}` : Buffer.concat([key.subarray(0, -1), Buffer.from(end)]),
    )
  }

  #text(keys) {
    return this.#strings ? keys.map((key) => key.toString('latin1')) : keys
  }

  #once(name, make) {
    let made = this.#made.get(name)
    if (made === undefined) this.#made.set(name, (made = make()))
    return made
  }
}
