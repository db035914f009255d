import { randomSource } from '../data.mjs'

/**
 * Numbers below `count`, the most frequent ones scattered, as YCSB's ScrambledZipfianGenerator gives them (Gray et al., "Quickly generating billion-record synthetic databases",
 * SIGMOD 1994).
 */
export function zipfian(count, seed, theta = 0.99) {
  const random = randomSource(seed)
  const zeta = (n) => {
    let sum = 0
    for (let i = 1; i <= n; i++) sum += 1 / i ** theta
    return sum
  }
  const zetaN = zeta(count)
  const alpha = 1 / (1 - theta)
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zeta(2) / zetaN)
  return () => {
    const u = random()
    const uz = u * zetaN
    const rank = uz < 1 ? 0 : uz < 1 + 0.5 ** theta ? 1 : Math.floor(count * (eta * u - eta + 1) ** alpha)
    // NOTE: a multiplicative hash: neighbours in rank are no neighbours in the keys.
    return Number((BigInt(rank) * 0x9e3779b97f4a7c15n) % BigInt(count))
  }
}
