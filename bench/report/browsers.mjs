import { formatOf, PLACES } from '../browser/verdicts.mjs'
import { heading, paragraph, picture, strong, table } from './document.mjs'
import { ratioPlot } from './plots.mjs'
import { formatRatio, missing } from './words.mjs'

const HEADINGS = { page: 'Page', isolated: 'Isolated page', worker: 'Worker' }
const SCOPES = {
  page: "On a page: SQLite is behind a worker of its own, its calls travel as varve's do",
  isolated:
    'On a page that is cross-origin isolated, so that it can share memory with its worker: varve answers reads there without a message',
  worker: 'In a worker',
}

/** What else a page can store entries in, beside varve. */
export function browserBlocks(record) {
  const head = heading(2, 'In a browser')
  if (record === undefined) return [head, missing('npm run bench -- browser')]
  const { browser, durabilities, scopes } = record.result
  return [
    head,
    paragraph(
      `100,000 entries of 16+100 B in ${browser}, medians of ${record.rounds} runs that take turns in one browser; per second, where no unit is named. A ratio above 1: varve is ahead of the best of the others; the first answer of a new page is compared with SQLite's, since IndexedDB is a part of the browser that runs already.`,
    ),
    table(
      ['engine', 'what a write promises'],
      Object.entries(durabilities).map(([engine, words]) => [engine, words]),
      [],
    ),
    ...Object.entries(scopes).flatMap(([scope, lines]) => scopeBlocks(scope, lines)),
  ]
}

function scopeBlocks(scope, lines) {
  const engines = Object.keys(lines[0].medians)
  const rows = lines.map((row) => [
    row.line,
    ...engines.map((engine) =>
      row.medians[engine] === undefined ? '–' : formatOf(row)(row.medians[engine]),
    ),
    [strong(formatRatio(row.ratio)), ` × ${row.best}`],
    `≥ ${row.least}`,
    row.holds ? 'holds' : [strong('missed')],
  ])
  const bars = lines.map(({ line, ratio, best, least, holds }) => ({
    name: line,
    ratio,
    said: `${formatRatio(ratio)} × ${best}`,
    saidShort: formatRatio(ratio),
    target: least,
    isMissed: !holds,
  }))
  const ahead = lines.filter(({ ratio }) => ratio > 1).length
  const alt = `varve ÷ the best of the others, ${PLACES[scope]}: varve is ahead on ${ahead} of ${lines.length} lines. The table has the figures.`
  return [
    heading(3, HEADINGS[scope]),
    paragraph(`${SCOPES[scope]}.`),
    table(['line', ...engines, 'ratio', 'bar', ''], rows, [1, 2, 3, 4, 5]),
    picture(`benchmarks-browser-${scope}`, alt, ratioPlot(bars)),
  ]
}
