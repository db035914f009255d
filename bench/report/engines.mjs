import { ENGINES } from '../engines/index.mjs'
import { figureOf, figuresOf } from '../macro/verdicts.mjs'
import { formatFigure } from '../macro/format.mjs'
import { median } from '../measure.mjs'
import { comparisonsOf, hasFailed, isDisturbed, labelOf } from './comparison.mjs'
import { heading, paragraph, picture, table } from './document.mjs'
import { enginePlot } from './plots.mjs'
import { commandOfKind } from './ratios.mjs'
import { formatSpread, marked, missing } from './words.mjs'

/** The packages whose versions an engine's name does not tell. */
const PACKAGES = { sqlite: 'better-sqlite3', 'sqlite-tuned': 'better-sqlite3', 'lmdb-safe': 'lmdb' }
/** Shorter is no wait worth a line. */
const SETTLE_MS_MIN = 200
/** Engines that have no call that waits for what they do in the background. */
const WITHOUT_SETTLING = ['classic-level', 'rocksdb', 'memory-level']

/** What each engine promises about a write. `records`: those of the macro suite. */
export function engineBlocks(records) {
  const rows = new Map()
  for (const { result, peers, varve } of records)
    for (const [name, { durability, threads }] of Object.entries(result.engines)) {
      const version = ENGINES[name]?.threads === undefined ? peers[PACKAGES[name] ?? name] : varve?.version
      rows.set(name, [name, version ?? '–', durability, threads === undefined ? '–' : String(threads)])
    }
  if (rows.size === 0) return []
  return [
    paragraph(
      'What an engine promises when it acknowledges a write, unless the line says otherwise, and the threads that it starts in JavaScript. ',
      "Each writes single entries by its fastest way. 'os' is handed to the operating system before it is acknowledged: it survives a killed process, not a power cut.",
    ),
    table(['engine', 'version', 'a write that is acknowledged', 'threads'], [...rows.values()], [3]),
  ]
}

/** What all engines reach on each line, and what they leave to be done. */
export function figureBlocks(kind, title, record) {
  if (record === undefined) return [heading(3, title), missing(commandOfKind(kind))]
  const { result } = record
  const engines = Object.keys(result.engines)
  return [
    heading(3, title),
    ...plotBlocks(kind, engines, result),
    table(['line', ...engines], lineRows(engines, result.lines)),
    ...settleBlocks(engines, result.lines),
  ]
}

function lineRows(engines, lines) {
  return Object.entries(lines).map(([name, { unit, runs }]) => [
    labelOf(name),
    ...engines.map((engine) => cellOf(runs[engine] ?? [], unit)),
  ])
}

/** The median, with the lowest and the highest; a dash where there is no such call. */
function cellOf(runs, unit) {
  const figures = figuresOf(runs)
  if (figures.length === 0) return hasFailed(runs) ? 'failed' : '–'
  const spread = {
    median: median(figures),
    lowest: Math.min(...figures),
    highest: Math.max(...figures),
  }
  return marked(
    formatSpread(spread, (figure) => formatFigure(figure, unit)),
    isDisturbed(runs),
  )
}

/** NOTE: of bytes alone: with strings it is much the same picture, and the table has the figures. */
function plotBlocks(kind, engines, result) {
  if (kind !== 'bytes') return []
  const rows = comparisonsOf(result)
    .filter(({ isLessBetter, own }) => !isLessBetter && own !== undefined)
    .map(({ name, own }) => ({
      name,
      ratios: Object.fromEntries(
        engines
          .map((engine) => [engine, figureOf(result.lines[name].runs[engine])])
          .filter(([, figure]) => figure !== undefined)
          .map(([engine, figure]) => [engine, figure / own]),
      ),
    }))
  if (rows.length === 0) return []
  const alt = `Operations per second of each engine as multiples of those of varve, for ${kind}. The table has the figures.`
  return [picture(`benchmarks-engines-${kind}`, alt, enginePlot(engines, rows))]
}

function settleBlocks(engines, lines) {
  const settling = engines.filter((engine) => !WITHOUT_SETTLING.includes(engine))
  const rows = Object.entries(lines)
    .filter(([, { unit }]) => unit === 'ops/s')
    .map(([name, { runs }]) => ({
      name,
      settles: settling.map((engine) => medianOf(runs[engine], 'settleMs')),
      pending: medianOf(runs.varve, 'pendingBytes'),
    }))
    .filter(({ settles, pending }) => pending > 0 || settles.some((ms) => ms >= SETTLE_MS_MIN))
  if (rows.length === 0) return []
  return [
    paragraph(
      'What the last acknowledgement leaves to be done, and no figure above has in it: the seconds until an engine has settled, and the bytes that varve has yet to compact. ',
      `Lines on which an engine takes ${SETTLE_MS_MIN / 1000} s or more, or varve has bytes left; classic-level, rocksdb and memory-level have no call that waits for theirs.`,
    ),
    table(
      ['line', ...settling.map((engine) => `${engine}, s`), 'left by varve'],
      rows.map(({ name, settles, pending }) => [
        name,
        ...settles.map((ms) => (ms === undefined ? '–' : (ms / 1000).toFixed(2))),
        formatFigure(pending, 'bytes'),
      ]),
    ),
  ]
}

function medianOf(runs = [], figure) {
  const values = runs.map((run) => run[figure]).filter((value) => value !== undefined)
  return values.length === 0 ? undefined : median(values)
}
