import { median } from '../measure.mjs'

/** What the ratios are of: a line's best of these, unless its bar names others. */
export const PEERS = ['classic-level', 'lmdb', 'sqlite-tuned', 'rocksdb']

/** The median of an engine's runs: operations per second, or the value of a line that has its own. */
export function figureOf(runs) {
  const figures = figuresOf(runs)
  return figures.length === 0 ? undefined : median(figures)
}

/** The same of each run that there is. */
export function figuresOf(runs) {
  return (runs ?? [])
    .filter((run) => !run.isAbsent)
    .map(({ operations, ms, value }) => value ?? (operations / ms) * 1000)
}

/**
 * What varve is held to on a line. `runs`: of each engine; `bars`: of the workload; `memoryLimitBytes`: where a bar is the limit of memory. A verdict: { least or most, value, best, holds },
 * where `value` is a ratio to the figure of the engine `best`, or the figure itself.
 */
export function verdictsOf({ bars = [], unit }, runs, memoryLimitBytes) {
  const own = figureOf(runs.varve)
  if (own === undefined) return []
  return bars.flatMap(({ least, most, peers, limit }) => {
    if (limit !== undefined) {
      return [{ most: memoryLimitBytes, value: own, holds: own <= memoryLimitBytes }]
    }
    if (peers === undefined && most !== undefined) return [{ most, value: own, holds: own <= most }]
    const best = bestOf(runs, peers ?? PEERS, unit !== undefined)
    if (best === undefined) return []
    const value = own / best.figure
    const holds = least === undefined ? value <= most : value >= least
    return [{ least, most, value, best: best.engine, holds }]
  })
}

/** The best of some engines, and its figure. Undefined if none has one. */
export function bestOf(runs, engines, isLessBetter) {
  return engines
    .map((engine) => ({ engine, figure: figureOf(runs[engine]) }))
    .filter(({ figure }) => figure !== undefined)
    .sort((a, b) => (isLessBetter ? a.figure - b.figure : b.figure - a.figure))[0]
}
