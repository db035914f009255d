import { chosenBy } from './choice.mjs'
import { printVerdicts } from './concurrency/rounds.mjs'

const LINES = ['shared-reads', 'locks', 'fillrandom', 'compaction-reads', 'event-loop', 'twin']

/** What several threads bring and cost, by the bars of docs/performance.md. Made for two cores. `VARVE_BENCH_LINES` chooses, separated by semicolons. */
export async function run({ rounds }) {
  const names = chosenBy('VARVE_BENCH_LINES', LINES)
  const results = {}
  const verdicts = []
  for (const name of names) {
    const { run: measure } = await import(`./concurrency/${name}.mjs`)
    const { verdicts: found, all } = await measure(rounds)
    printVerdicts(`concurrency: ${name}`, found)
    verdicts.push(...found)
    results[name] = { verdicts: found, rounds: all }
  }
  if (names.length > 1) printVerdicts('concurrency: everything', verdicts)
  return results
}
