import { PEERS } from './verdicts.mjs'

/** Those whose ratios are judged. */
const COMPARED = ['varve', ...PEERS]

/**
 * What is left of the suite: a run of some lines or engines joins what was left before on the same machine with as many entries; any other takes its place.
 * `additions` of the record: which those were.
 */
export function added(previous, record) {
  const { settings, varve, date, rounds, result } = record
  const isPart = settings.VARVE_BENCH_LINES !== undefined || settings.VARVE_BENCH_ENGINES !== undefined
  if (!isPart || previous === undefined || !isAlike(previous, record)) return record
  const lines = { ...previous.result.lines }
  for (const [name, line] of Object.entries(result.lines)) lines[name] = joined(lines[name], line)
  return {
    ...previous,
    additions: [...(previous.additions ?? []), { settings, varve, date, rounds }],
    result: { ...previous.result, engines: { ...previous.result.engines, ...result.engines }, lines },
  }
}

function isAlike(a, b) {
  return (
    a.machine.cpu === b.machine.cpu &&
    a.machine.node === b.machine.node &&
    a.settings?.VARVE_BENCH_ENTRIES === b.settings.VARVE_BENCH_ENTRIES
  )
}

/** INVARIANT: ratios are of one run. So where one of those that are compared was measured again, only what was measured with it counts. */
function joined(before, line) {
  if (before === undefined) return line
  const isJudgedAgain = COMPARED.some((engine) => engine in line.runs)
  const kept = Object.entries(before.runs).filter(([engine]) => !isJudgedAgain || !COMPARED.includes(engine))
  return {
    unit: line.unit,
    runs: { ...Object.fromEntries(kept), ...line.runs },
    verdicts: isJudgedAgain ? line.verdicts : before.verdicts,
  }
}
