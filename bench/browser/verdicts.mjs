import { formatRate, median } from '../measure.mjs'

const OPEN = 'first answer of a new page, ms'
/** What varve is held to beside the best of the others: ahead on every line, and by more on some in a worker. */
const LEAST = { worker: { 'batches of 1,000': 5, 'full scan': 5 } }
/** A new page's first answer is compared with SQLite's; IndexedDB is the browser's own, and is there before any page. */
const OPEN_PEERS = ['SQLite']

export const PLACES = { page: 'on a page', isolated: 'on an isolated page', worker: 'in a worker' }

/** `runs`: by scope and engine, the figures of each round by line. */
export function verdictsOf(runs) {
  return Object.fromEntries(Object.entries(runs).map(([scope, engines]) => [scope, linesOf(scope, engines)]))
}

function linesOf(scope, engines) {
  const lines = Object.keys(engines.varve[0])
  return lines.map((line) => {
    const isCost = line === OPEN
    const medians = Object.fromEntries(
      Object.entries(engines).flatMap(([engine, rounds]) => {
        const figures = rounds.map((figure) => figure[line]).filter((figure) => figure !== undefined)
        return figures.length === 0 ? [] : [[engine, median(figures)]]
      }),
    )
    const peers = Object.entries(medians).filter(
      ([engine]) => engine !== 'varve' && (!isCost || OPEN_PEERS.includes(engine)),
    )
    const [best, figure] = peers.reduce((a, b) => (b[1] < a[1] === isCost ? b : a))
    const ratio = isCost ? figure / medians.varve : medians.varve / figure
    const least = LEAST[scope]?.[line] ?? 1
    return { line, isCost, medians, best, ratio, least, holds: ratio >= least }
  })
}

export const formatOf = ({ isCost }) => (isCost ? (ms) => ms.toFixed(0) : formatRate)

export function printBrowsers({ browser, scopes }, rounds) {
  for (const [scope, lines] of Object.entries(scopes)) {
    const engines = Object.keys(lines[0].medians)
    process.stdout.write(`\n### ${browser}, ${PLACES[scope]}: per second, medians of ${rounds}\n\n`)
    process.stdout.write(`| line | ${engines.join(' | ')} | ratio | bar | |\n`)
    process.stdout.write(`|---|${engines.map(() => '--:').join('|')}|--:|---|---|\n`)
    for (const row of lines) {
      const format = formatOf(row)
      const cells = engines.map((engine) =>
        row.medians[engine] === undefined ? '–' : format(row.medians[engine]),
      )
      process.stdout.write(
        `| ${row.line} | ${cells.join(' | ')} | ${row.ratio.toFixed(2)} × ${row.best} | ≥ ${row.least} | ${row.holds ? 'holds' : 'MISSED'} |\n`,
      )
    }
  }
}
