import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DISTURBED_FROM_CORES, waitForCalm } from './concurrency/machine.mjs'
import { JSON_MARK } from './concurrency/rounds.mjs'
import { median } from './measure.mjs'
import { compileKernel, compileNative } from './micro/compile.mjs'
import { IMAGE } from './micro/image.mjs'
import { FULL, LINES } from './micro/lines.mjs'
import { NOTES } from './micro/notes.mjs'

const WARM_MS = 500
const TIMED_MS = 500

/**
 * The kernel's hot paths as Wasm, as twins in JavaScript and natively: loops inside each, on the same bytes, with the same results. A fresh process for each
 * figure, the columns in turn. VARVE_BENCH_LINES chooses lines; `boundary` is one.
 */
export async function run({ rounds }) {
  const wanted = process.env.VARVE_BENCH_LINES?.split(',') ?? [...Object.keys(LINES), 'boundary']
  const directory = mkdtempSync(join(tmpdir(), 'varve-micro-'))
  try {
    const wasm = await compileKernel(directory, 'release')
    const native = compileNative(directory)
    const timing = { wasm, native, warmMs: WARM_MS, timedMs: TIMED_MS }
    const columns = native === undefined ? ['wasm', 'twin'] : ['wasm', 'twin', 'native']
    const lines = []
    printHead(rounds)
    for (const name of wanted.filter((each) => each !== 'boundary')) {
      const line = await measureLine(name, { directory, timing, columns, rounds })
      lines.push(line)
      printLine(line)
    }
    const boundary = wanted.includes('boundary') ? await measureBoundary({ directory, timing, rounds }) : []
    if (boundary.length > 0) printBoundary(boundary)
    return { lines, boundary }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function measureLine(name, { directory, timing, columns, rounds }) {
  const { image, ...line } = LINES[name](FULL)
  const imageFile = join(directory, 'image')
  const lineFile = join(directory, 'line.json')
  writeFileSync(imageFile, image.bytes())
  writeFileSync(lineFile, JSON.stringify({ ...line, ...timing, image: imageFile, imageAt: IMAGE }))
  const figures = Object.fromEntries(columns.map((column) => [column, []]))
  let others = 0
  for (let round = 0; round < rounds; round++) {
    for (const column of columns) {
      await waitForCalm()
      const { figures: figure, othersCores } = measureIn(lineFile, column)
      figures[column].push(figure)
      others = Math.max(others, othersCores)
    }
  }
  expectSame(name, figures)
  const spreads = Object.fromEntries(
    columns.map((column) => [column, spread(figures[column].map(({ ns }) => ns))]),
  )
  return {
    name,
    unit: 'ns',
    ...spreads,
    ...noteOf(name, spreads),
    isDisturbed: others > DISTURBED_FROM_CORES,
  }
}

/** `why`, where the twin is not slower or where something is to be known of the line. */
function noteOf(name, { wasm, twin }) {
  const { always, slower } = NOTES[name] ?? {}
  const notes = [always]
  if (twin.median <= wasm.median) notes.push(slower ?? 'the twin is faster')
  const why = notes.filter((note) => note !== undefined).join('; ')
  return why === '' ? {} : { why }
}

/** INVARIANT: the figures are of the same work. */
function expectSame(name, figures) {
  const [{ result, digest }] = figures.wasm
  for (const [column, all] of Object.entries(figures)) {
    for (const other of all)
      if (other.result !== result || other.digest !== digest)
        throw new Error(
          `${name}: ${column} has ${other.result}, ${other.digest} where Wasm has ${result}, ${digest}`,
        )
  }
}

async function measureBoundary({ directory, timing, rounds }) {
  const lineFile = join(directory, 'line.json')
  writeFileSync(lineFile, JSON.stringify(timing))
  const all = []
  for (let round = 0; round < rounds; round++) {
    await waitForCalm()
    all.push(measureIn(lineFile, 'boundary').figures.ns)
  }
  return Object.keys(all[0]).map((name) => ({ name, unit: 'ns', ...spread(all.map((ns) => ns[name])) }))
}

function spread(values) {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

function measureIn(lineFile, column) {
  const child = fileURLToPath(new URL('./micro/child.mjs', import.meta.url))
  const { status, stdout } = spawnSync(process.execPath, [child, lineFile, column], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`'${column}' failed`)
  return JSON.parse(stdout.split(JSON_MARK)[1])
}

function printHead(rounds) {
  process.stdout.write(`\nmicro: nanoseconds of an operation, median of ${rounds} (lowest – highest)\n\n`)
  process.stdout.write('| hot path | Wasm | twin | native | twin ÷ Wasm | Wasm ÷ native | |\n')
  process.stdout.write('|---|--:|--:|--:|--:|--:|---|\n')
}

function printLine({ name, wasm, twin, native, why, isDisturbed }) {
  const ratio = (a, b) => (a === undefined || b === undefined ? '–' : (a.median / b.median).toFixed(2))
  const notes = [why, isDisturbed ? '(disturbed)' : undefined].filter((note) => note !== undefined)
  const cells = [
    name,
    formatted(wasm),
    formatted(twin),
    formatted(native),
    ratio(twin, wasm),
    ratio(wasm, native),
  ]
  process.stdout.write(`| ${[...cells, notes.join(' ')].join(' | ')} |\n`)
}

function printBoundary(boundary) {
  process.stdout.write('\n| the boundary | ns |\n|---|--:|\n')
  for (const { name, ...figures } of boundary) process.stdout.write(`| ${name} | ${formatted(figures)} |\n`)
}

function formatted(figures) {
  if (figures === undefined) return '–'
  const number = (x) => (x < 100 ? x.toFixed(1) : x.toFixed(0))
  return `${number(figures.median)} (${number(figures.lowest)} – ${number(figures.highest)})`
}
