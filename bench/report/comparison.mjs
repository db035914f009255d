import { DISTURBED_FROM_CORES } from '../concurrency/machine.mjs'
import { bestOf, figureOf, PEERS } from '../macro/verdicts.mjs'
import { WORKLOADS } from '../macro/workloads.mjs'

const UNIT_OF_RATES = 'ops/s'

/**
 * How varve stands on each line of a macro result: { name, label, unit, isLessBetter, own, hasFailed, best: { engine, figure }, ratio, isBehind, isMissed, isDisturbed, verdicts }. `ratio` is varve's figure ÷ the
 * best peer's, and undefined where one is missing.
 */
export function comparisonsOf({ lines }) {
  return Object.entries(lines).map(([name, { unit, runs, verdicts }]) => {
    const isLessBetter = unit !== UNIT_OF_RATES
    const own = figureOf(runs.varve)
    const best = bestOf(runs, PEERS, isLessBetter)
    const ratio = own === undefined || best === undefined ? undefined : own / best.figure
    return {
      name,
      label: labelOf(name),
      unit,
      isLessBetter,
      own,
      hasFailed: hasFailed(runs.varve),
      best,
      ratio,
      isBehind: ratio !== undefined && (isLessBetter ? ratio > 1 : ratio < 1),
      isMissed: verdicts.some(({ holds }) => !holds),
      isDisturbed: isDisturbed([...(runs.varve ?? []), ...(runs[best?.engine] ?? [])]),
      verdicts,
    }
  })
}

/** A line's name, and what it asks of writes if that is not what the engine promises anyway. */
export function labelOf(name) {
  return WORKLOADS[name]?.isDurable ? `${name} (each write synced)` : name
}

/** Whether others had the cores during one of these runs. */
export function isDisturbed(runs) {
  return runs.some(({ othersCores }) => othersCores > DISTURBED_FROM_CORES)
}

/** Whether an engine was to do it and could not; one that has no such call did not fail. */
export function hasFailed(runs = []) {
  return (
    runs.length > 0 && runs.every(({ isAbsent }) => isAbsent) && runs.some(({ why }) => why !== undefined)
  )
}
