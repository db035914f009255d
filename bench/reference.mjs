import { chosenBy } from './choice.mjs'
import { formatRate } from './measure.mjs'
import { interleaved, printVerdicts, spread, verdict } from './concurrency/rounds.mjs'
import { DISTURBED_FROM_CORES } from './concurrency/machine.mjs'
import { LINES } from './reference/lines.mjs'
import { BINARY } from './reference/measurement.mjs'

/**
 * 100,000 operations on one memtable without a journal, against another engine in native code: the program that VARVE_BENCH_REFERENCE names, run in turn with each line, or else the
 * figures that were taken of one (docs/performance.md, "Reference"). VARVE_BENCH_LINES chooses, separated by semicolons.
 */
export async function run({ rounds }) {
  const names = chosenBy('VARVE_BENCH_LINES', Object.keys(LINES))
  const hasBinary = process.env.VARVE_BENCH_REFERENCE !== undefined
  const lines = []
  const verdicts = []
  for (const name of names) {
    const all = await interleaved('../reference/measurement', hasBinary ? [name, BINARY] : [name], rounds)
    const { counterpart, recorded, least } = LINES[name]
    const referenceOf = (figures) => (hasBinary ? figures[BINARY][counterpart] : recorded)
    const rate = spread(all, (figures) => figures[name].rate)
    const reference = spread(all, referenceOf)
    const ratio = spread(all, (figures) => figures[name].rate / referenceOf(figures))
    const [p50, p99, p999] = ['p50', 'p99', 'p999'].map(
      (share) => spread(all, (figures) => figures[name][share]).median,
    )
    const said = `${formatRate(rate.median)}, reference ${formatRate(reference.median)}; ${latencies(p50, p99, p999)}`
    const found = verdict(name, said, all, ratio, { least })
    verdicts.push(found)
    lines.push({
      name,
      counterpart,
      rate,
      reference,
      ratio,
      least,
      holds: found.holds,
      latencyNs: { p50, p99, p999 },
      isDisturbed: found.others > DISTURBED_FROM_CORES,
    })
  }
  printVerdicts(
    `reference: 100,000 operations, 16+100 B, one memtable, durability 'none', against ${hasBinary ? 'the program beside it' : 'recorded figures'}`,
    verdicts,
  )
  return { isMeasuredBeside: hasBinary, lines }
}

function latencies(p50, p99, p999) {
  return `p50 / p99 / p99.9 of an operation ${[p50, p99, p999].map((ns) => ns.toFixed(0)).join(' / ')} ns`
}
