import { printVerdicts } from './concurrency/rounds.mjs'

const LINES = (
  process.env.VARVE_BENCH_LINES ?? 'shared-reads,locks,fillrandom,compaction-reads,event-loop,twin'
).split(',')

/** What several threads bring and cost, by the bars of docs/performance.md. Made for two cores. `VARVE_BENCH_LINES` chooses. */
export async function run({ rounds }) {
  const results = {}
  const verdicts = []
  for (const name of LINES) {
    const { run: measure } = await import(`./concurrency/${name}.mjs`)
    const { verdicts: found, all } = await measure(rounds)
    printVerdicts(`concurrency: ${name}`, found)
    verdicts.push(...found)
    results[name] = { verdicts: found, rounds: all }
  }
  if (LINES.length > 1) printVerdicts('concurrency: everything', verdicts)
  return results
}
