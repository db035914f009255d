import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosenBy } from './choice.mjs'
import { counting, measureIn, spread, takeRounds } from './concurrency/rounds.mjs'
import { compileKernel, compileNative } from './micro/compile.mjs'
import { IMAGE } from './micro/image.mjs'
import { FULL, LINES } from './micro/lines.mjs'
import { NOTES } from './micro/notes.mjs'

const CHILD = fileURLToPath(new URL('./micro/child.mjs', import.meta.url))
const WARM_MS = 500
const TIMED_MS = 500

/**
 * The kernel's hot paths as Wasm, as twins in JavaScript and natively: loops inside each, on the same bytes, with the same results. A fresh process for each
 * figure, the columns in turn. VARVE_BENCH_LINES chooses lines, separated by semicolons; `boundary` is one.
 */
export async function run({ rounds }) {
  const wanted = chosenBy('VARVE_BENCH_LINES', [...Object.keys(LINES), 'boundary'])
  const directory = mkdtempSync(join(tmpdir(), 'varve-micro-'))
  try {
    const wasm = await compileKernel(directory, 'release')
    const native = compileNative(directory)
    const timing = { wasm, native, warmMs: WARM_MS, timedMs: TIMED_MS }
    const columns = native === undefined ? ['wasm', 'twin'] : ['wasm', 'twin', 'native']
    const names = wanted.filter((each) => each !== 'boundary')
    const lines = []
    if (names.length > 0) printHead()
    for (const name of names) {
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
  const all = await takeRounds((column) => measureIn(CHILD, lineFile, column), columns, rounds)
  expectSame(name, all)
  const spreads = Object.fromEntries(
    columns.map((column) => [column, spread(all, (figures) => figures[column].ns)]),
  )
  return { name, unit: 'ns', ...spreads, ...noteOf(name, spreads), isDisturbed: areDisturbed(all) }
}

/** INVARIANT: the figures are of the same work. */
function expectSame(name, rounds) {
  const wanted = rounds[0].figures.wasm
  for (const { figures } of rounds)
    for (const [column, { result, digest }] of Object.entries(figures))
      if (result !== wanted.result || digest !== wanted.digest)
        throw new Error(
          `${name}: ${column} has ${result}, ${digest} where Wasm has ${wanted.result}, ${wanted.digest}`,
        )
}

/** What is to be known of a line; why the twin is not slower, if so. */
function noteOf(name, { wasm, twin }) {
  const { always, faster = 'not looked into' } = NOTES[name] ?? {}
  const notes = always === undefined ? [] : [always]
  if (twin.median <= wasm.median) notes.unshift(`MISSED: ${faster}`)
  return notes.length === 0 ? {} : { why: notes.join('; ') }
}

async function measureBoundary({ directory, timing, rounds }) {
  const lineFile = join(directory, 'line.json')
  writeFileSync(lineFile, JSON.stringify(timing))
  const all = await takeRounds((column) => measureIn(CHILD, lineFile, column), ['boundary'], rounds)
  const names = Object.keys(all[0].figures.boundary.ns)
  const isDisturbed = areDisturbed(all)
  return names.map((name) => ({
    name,
    unit: 'ns',
    ...spread(all, ({ boundary }) => boundary.ns[name]),
    isDisturbed,
  }))
}

/** Whether rounds count that others disturbed. */
function areDisturbed(rounds) {
  return counting(rounds).some(({ isDisturbed }) => isDisturbed)
}

function printHead() {
  process.stdout.write('\nmicro: nanoseconds of an operation, median (lowest – highest)\n\n')
  process.stdout.write('| hot path | Wasm | twin | native | twin ÷ Wasm | Wasm ÷ native | |\n')
  process.stdout.write('|---|--:|--:|--:|--:|--:|---|\n')
}

function printLine({ name, wasm, twin, native, why, isDisturbed }) {
  const ratio = (a, b) => (a === undefined || b === undefined ? '–' : (a.median / b.median).toFixed(2))
  const cells = [
    name,
    formatted(wasm),
    formatted(twin),
    formatted(native),
    ratio(twin, wasm),
    ratio(wasm, native),
  ]
  process.stdout.write(`| ${[...cells, `${why ?? ''}${isDisturbed ? ' (disturbed)' : ''}`].join(' | ')} |\n`)
}

function printBoundary(boundary) {
  process.stdout.write('\n| the boundary | ns |\n|---|--:|\n')
  for (const { name, isDisturbed, ...figures } of boundary)
    process.stdout.write(`| ${name}${isDisturbed ? ' (disturbed)' : ''} | ${formatted(figures)} |\n`)
}

function formatted(figures) {
  if (figures === undefined) return '–'
  const number = (x) => (x < 100 ? x.toFixed(1) : x.toFixed(0))
  return `${number(figures.median)} (${number(figures.lowest)} – ${number(figures.highest)})`
}
