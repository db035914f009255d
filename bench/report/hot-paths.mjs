import { NOTES } from '../micro/notes.mjs'
import { heading, paragraph, strong, table } from './document.mjs'
import { formatRatio, formatSpread, marked, missing } from './words.mjs'

/** The kernel's hot paths as Wasm, as twins in JavaScript and natively, and what its boundary costs. `notes`: what is to be known of lines. */
export function hotPathBlocks(result, notes = NOTES) {
  const head = heading(2, 'Hot paths of the kernel')
  if (result === undefined) return [head, missing('npm run bench -- micro')]
  return [
    head,
    ...(result.lines.length === 0 ? [] : lineBlocks(result.lines, notes)),
    ...(result.boundary.length === 0
      ? []
      : [
          paragraph('Calls into the kernel and copies across its boundary, as varve makes them:'),
          table(
            ['what', 'ns'],
            result.boundary.map(({ name, isDisturbed, ...spread }) => [
              name,
              marked(formatSpread(spread, formatNs), isDisturbed),
            ]),
          ),
        ]),
  ]
}

function lineBlocks(lines, notes) {
  return [
    paragraph(
      'Nanoseconds of an operation, median (lowest – highest): loops inside the module, a twin of it in JavaScript, and the same in C++. Results are the same, byte for byte.',
    ),
    table(
      ['hot path', 'twin ÷ Wasm', 'Wasm ÷ native', 'Wasm', 'twin', 'native', ''],
      lines.map(({ name, wasm, twin, native, isDisturbed }) => [
        name,
        [strong(marked(ratioOf(twin, wasm), isDisturbed))],
        ratioOf(wasm, native),
        ...[wasm, twin, native].map((spread) =>
          spread === undefined ? '–' : formatSpread(spread, formatNs),
        ),
        notes[name]?.always ?? '',
      ]),
      [1, 2, 3, 4, 5],
    ),
    ...slowerBlocks(lines, notes),
  ]
}

function slowerBlocks(lines, notes) {
  const slower = lines.filter(({ wasm, twin }) => twin.median <= wasm.median)
  if (slower.length === 0) return [paragraph('Wasm is faster than its twin on each of these lines.')]
  return [
    paragraph('Where Wasm is not faster than its twin:'),
    table(
      ['hot path', 'twin ÷ Wasm', 'why'],
      slower.map(({ name, wasm, twin }) => [
        name,
        ratioOf(twin, wasm),
        notes[name]?.faster ?? 'no explanation yet',
      ]),
      [1],
    ),
  ]
}

function ratioOf(a, b) {
  return formatRatio(a === undefined || b === undefined ? undefined : a.median / b.median)
}

function formatNs(ns) {
  return ns < 100 ? ns.toFixed(1) : ns.toFixed(0)
}
