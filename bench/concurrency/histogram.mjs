/** Each power of two is divided into so many steps: a figure is at most 1.6 % too high. */
const STEPS = 64
const STEP_BITS = 6

/**
 * Durations in nanoseconds, counted by their size (as HdrHistogram does): noting one is an increment in an array that stays in the cache, so it does
 * not disturb what is measured.
 */
export class Histogram {
  #counts = new Uint32Array(STEPS * 40)
  count = 0
  highest = 0

  noteMs(ms) {
    this.note(ms * 1e6)
  }

  note(nanoseconds) {
    const value = nanoseconds < 1 ? 1 : nanoseconds
    this.#counts[value < STEPS ? value | 0 : bucketOf(value)]++
    this.count++
    if (value > this.highest) this.highest = value
  }

  /** Nanoseconds that a share of all durations does not exceed. */
  percentile(share) {
    let left = Math.ceil(share * this.count)
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket]
      if (left <= 0) return Math.min(this.highest, endOf(bucket))
    }
    return this.highest
  }

  add(other) {
    for (let bucket = 0; bucket < this.#counts.length; bucket++) this.#counts[bucket] += other.#counts[bucket]
    this.count += other.count
    this.highest = Math.max(this.highest, other.highest)
  }

  /** In microseconds. */
  figures() {
    const at = (share) => this.percentile(share) / 1000
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999), highest: this.highest / 1000, count: this.count }
  }
}

function bucketOf(value) {
  const exponent = Math.floor(Math.log2(value))
  return (exponent - STEP_BITS + 1) * STEPS + Math.floor(value / 2 ** (exponent - STEP_BITS)) - STEPS
}

function endOf(bucket) {
  if (bucket < STEPS) return bucket + 1
  const exponent = Math.floor(bucket / STEPS) - 1 + STEP_BITS
  return ((bucket % STEPS) + STEPS + 1) * 2 ** (exponent - STEP_BITS)
}
