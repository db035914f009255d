import { randomSource } from '../data.mjs'

/** Numbers below `count`, the most frequent ones scattered, as YCSB's ScrambledZipfianGenerator gives them. */
export function zipfian(count, seed) {
  const next = ranks(count, seed)
  // NOTE: a multiplicative hash: neighbours in rank are no neighbours in the keys.
  return () => Number((BigInt(next()) * 0x9e3779b97f4a7c15n) % BigInt(count))
}

/** The newest the most frequent, as YCSB's SkewedLatestGenerator gives them: of `count` and those `inserted` since. */
export function latest(count, seed) {
  const next = ranks(count, seed)
  return (inserted) => count + inserted - 1 - next()
}

/** Numbers below `count`, the smaller the more frequent (Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994). */
function ranks(count, seed, theta = 0.99) {
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
    if (uz < 1) return 0
    return uz < 1 + 0.5 ** theta ? 1 : Math.floor(count * (eta * u - eta + 1) ** alpha)
  }
}
