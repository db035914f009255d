import { formatRate } from '../measure.mjs'
import { RECORDED_ENGINE } from '../reference/lines.mjs'
import { code, heading, link, paragraph, strong, table } from './document.mjs'
import { formatRatio, formatSpread, marked, missing } from './words.mjs'

const said = (holds) => (holds === undefined ? '' : holds ? 'holds' : [strong('missed')])

/** One memtable beside an engine in native code. */
export function referenceBlocks(result) {
  const head = heading(2, 'One memtable, beside native code')
  if (result === undefined) return [head, missing('npm run bench -- reference')]
  const beside = result.isMeasuredBeside
    ? 'a program in native code that ran in turn with it'
    : `figures that were recorded of ${RECORDED_ENGINE} on a machine of the same kind, not measured beside it`
  return [
    head,
    paragraph(
      `100,000 operations of 16+100 B on one memtable without a journal, beside ${beside}. Operations or entries per second; latencies are of an operation, by groups.`,
    ),
    table(
      ['line', 'ratio', 'bar', '', 'varve', 'reference', 'p50 / p99 / p99.9, ns'],
      result.lines.map(({ name, ratio, least, holds, rate, reference, latencyNs, isDisturbed }) => [
        name,
        marked(formatSpread(ratio, formatRatio), isDisturbed),
        `≥ ${least}`,
        said(holds),
        formatSpread(rate, formatRate),
        formatSpread(reference, formatRate),
        Object.values(latencyNs)
          .map((ns) => ns.toFixed(0))
          .join(' / '),
      ]),
      [1, 2, 4, 5, 6],
    ),
  ]
}

/** What calls leave to the collector. */
export function allocationBlocks(result) {
  const head = heading(2, 'Allocations')
  if (result === undefined) return [head, missing('npm run bench -- allocations')]
  const engines = Object.keys(result.calls[0]?.bytes ?? {})
  return [
    head,
    paragraph(
      "Bytes on the JavaScript heap and in array buffers for each call, each in a process of its own. What native code allocates for itself is not counted, nor varve's own memory, which is reserved once.",
    ),
    table(
      ['call', ...engines],
      result.calls.map(({ name, bytes }) => [
        plain(name),
        ...engines.map((engine) => bytes[engine]?.toFixed(1) ?? '–'),
      ]),
    ),
    paragraph('What varve is held to, the bare loop subtracted:'),
    table(
      ['what', 'bytes', 'bar', ''],
      result.bars.map(({ name, bytes, bar, reached }) => [name, bytes.toFixed(2), bar ?? '', said(reached)]),
      [1],
    ),
  ]
}

/** What threads bring and cost. */
export function concurrencyBlocks(result) {
  const head = heading(2, 'Threads')
  if (result === undefined) return [head, missing('npm run bench -- concurrency')]
  const bar = (limit) =>
    limit === undefined ? '' : limit.least === undefined ? `≤ ${limit.most}` : `≥ ${limit.least}`
  return [
    head,
    paragraph(link('performance.md', 'performance.md'), ' says what the lines are, and why bars are missed.'),
    table(
      ['line', 'value', 'bar', '', 'figures', 'undisturbed rounds'],
      Object.values(result)
        .flatMap(({ verdicts }) => verdicts)
        .map(({ what, value, lowest, highest, unit, bar: limit, holds, figures, calm, rounds }) => [
          what,
          `${formatSpread({ median: value, lowest, highest }, formatRatio)} ${unit}`,
          bar(limit),
          said(holds),
          figures,
          `${calm} of ${rounds}`,
        ]),
      [1, 2, 5],
    ),
  ]
}

/** Names of calls have Markdown's code in them. */
function plain(name) {
  return name.split('`').map((part, i) => (i % 2 === 0 ? part : code(part)))
}
