import { DISTURBED_FROM_CORES } from '../concurrency/machine.mjs'
import { formatFigure } from '../macro/format.mjs'
import { PEERS } from '../macro/verdicts.mjs'
import { ENTRIES } from '../macro/workloads.mjs'
import { comparisonsOf } from './comparison.mjs'
import { heading, paragraph, picture, strong, table } from './document.mjs'
import { ratioPlot } from './plots.mjs'
import { formatBar, formatRatio, marked, missing } from './words.mjs'

/** How varve stands beside its best peer, line by line. `record`: of the macro suite with one kind of data. */
export function ratioBlocks(kind, title, record) {
  if (record === undefined) return [heading(3, title), missing(commandOfKind(kind))]
  const comparisons = comparisonsOf(record.result)
  const rates = comparisons.filter(({ isLessBetter }) => !isLessBetter)
  const costs = comparisons.filter(({ isLessBetter }) => isLessBetter)
  return [
    heading(3, title),
    paragraph(sizeOf(record)),
    ...(rates.length === 0
      ? []
      : [
          paragraph('Operations per second; more is better: varve is ahead where the ratio is above 1.'),
          tableOf(rates),
          ...plotBlocks(kind, rates),
        ]),
    ...(costs.length === 0
      ? []
      : [
          paragraph('Time and space; less is better: varve is ahead where the ratio is below 1.'),
          tableOf(costs),
        ]),
  ]
}

export function commandOfKind(kind) {
  return kind === 'bytes' ? 'npm run bench -- macro' : `VARVE_BENCH_KIND=${kind} npm run bench -- macro`
}

/** NOTE: older results have no settings with them: how many entries they had is not known. */
function sizeOf({ settings, rounds }) {
  const entries = settings === undefined ? undefined : Number(settings.VARVE_BENCH_ENTRIES ?? ENTRIES)
  const said = entries === undefined ? 'Entries' : `${entries.toLocaleString('en')} entries`
  return `${said} of 16+100 B where the line names no other size; medians of ${rounds} ${rounds === 1 ? 'run' : 'runs'}.`
}

/** What the marks of all tables of the macro suite mean. */
export function ratioLegend() {
  return [
    paragraph(
      `A ratio is the median of varve ÷ that of the best peer, whichever of ${PEERS.join(', ')} that is on the line. The bar is what varve is held to; one that names a peer is of that peer. `,
      `† marks what others disturbed: other processes had more than ${DISTURBED_FROM_CORES} cores in one run at least. `,
      'What engines promise about a write differs; their table below says how.',
    ),
  ]
}

function tableOf(comparisons) {
  return table(
    ['line', 'varve', 'best peer', 'ratio', 'bar', ''],
    comparisons.map((comparison) => {
      const { label, unit, own, best, ratio, isDisturbed, verdicts } = comparison
      const peer = best === undefined ? '–' : `${formatFigure(best.figure, unit)}, ${best.engine}`
      const bars = verdicts.map((verdict) => formatBar(verdict, unit, best?.engine))
      return [
        label,
        formatFigure(own, unit),
        peer,
        ratio === undefined ? '–' : [strong(marked(formatRatio(ratio), isDisturbed))],
        bars.join('; '),
        saidOf(comparison),
      ]
    }),
    [1, 2, 3],
  )
}

/** One word for each bar; where the bar is of another peer, the ratio to that one, too. */
function saidOf({ hasFailed, best, ratio, isBehind, verdicts }) {
  if (hasFailed) return [strong('failed')]
  if (verdicts.length === 0) return ratio === undefined ? '' : isBehind ? [strong('behind')] : 'ahead'
  return verdicts.flatMap(({ value, best: of, holds }, i) => {
    const other = of === undefined || of === best?.engine ? '' : `${formatRatio(value)} × ${of}: `
    return [`${i === 0 ? '' : '; '}${other}`, holds ? 'holds' : strong('missed')]
  })
}

function plotBlocks(kind, rates) {
  const rows = rates
    .filter(({ ratio }) => ratio !== undefined)
    .map(({ name, ratio, best, isMissed, isDisturbed, verdicts }) => ({
      name,
      ratio,
      said: marked(`${formatRatio(ratio)} × ${best.engine}`, isDisturbed),
      saidShort: marked(formatRatio(ratio), isDisturbed),
      target: verdicts.find((verdict) => verdict.best === best.engine)?.least,
      isMissed,
    }))
  if (rows.length === 0) return []
  const ahead = rows.filter(({ ratio }) => ratio > 1).length
  const alt = `Operations per second of varve ÷ those of the best peer, for ${kind}: varve is ahead on ${ahead} of ${rows.length} lines. The table has the figures.`
  return [picture(`benchmarks-ratios-${kind}`, alt, ratioPlot(rows))]
}
