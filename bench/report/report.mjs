import { browserBlocks } from './browsers.mjs'
import { circumstanceBlocks, summaryOf } from './circumstances.mjs'
import { code, heading, paragraph } from './document.mjs'
import { engineBlocks, figureBlocks } from './engines.mjs'
import { hotPathBlocks } from './hot-paths.mjs'
import { lossBlocks } from './losses.mjs'
import { ratioBlocks, ratioLegend } from './ratios.mjs'
import { allocationBlocks, concurrencyBlocks, referenceBlocks } from './suites.mjs'

const KINDS = { bytes: 'Bytes', strings: 'Strings' }
/** The results that the report is of, in its order. */
export const RESULTS = [
  ...Object.keys(KINDS).map((kind) => `macro-${kind}`),
  'reference',
  'micro',
  'allocations',
  'concurrency',
  'browser',
]

/** The whole report. `records`: what suites left, by the names in RESULTS; `notes`: why lines are lost. */
export function reportOf(records, notes) {
  const there = RESULTS.flatMap((name) => (records[name] === undefined ? [] : [records[name]]))
  const result = (name) => records[name]?.result
  const macro = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, result(`macro-${kind}`)]))
  const kinds = (blocks) =>
    Object.entries(KINDS).flatMap(([kind, title]) => blocks(kind, title, records[`macro-${kind}`]))
  return [
    heading(1, 'Benchmarks'),
    paragraph(
      'Made by ',
      code('npm run bench -- report'),
      ' from the last result of each suite. Figures are what the suites found; reasons are written by people.',
    ),
    ...summaryOf(there),
    heading(2, 'Ratios'),
    ...ratioLegend(),
    ...kinds(ratioBlocks),
    ...lossBlocks({ macro, reference: result('reference'), allocations: result('allocations') }, notes),
    heading(2, 'All engines'),
    ...engineBlocks(there.filter(({ suite }) => suite === 'macro')),
    paragraph(
      'Medians (lowest – highest); operations per second where no unit is named. Each run is a process of its own, the engines take turns. A dash: the engine has no such call. Why a run failed is in its result in build/bench.',
    ),
    ...kinds(figureBlocks),
    ...referenceBlocks(result('reference')),
    ...hotPathBlocks(result('micro')),
    ...allocationBlocks(result('allocations')),
    ...concurrencyBlocks(result('concurrency')),
    ...browserBlocks(records.browser),
    ...circumstanceBlocks(there),
  ]
}
