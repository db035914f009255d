import { readFileSync } from 'node:fs'
import { BARS } from '../allocations/bars.mjs'
import { formatFigure } from '../macro/format.mjs'
import { WORKLOADS } from '../macro/workloads.mjs'
import { LINES } from '../reference/lines.mjs'
import { blocksOf, heading, paragraph, strong } from './document.mjs'
import { comparisonsOf } from './comparison.mjs'
import { formatBar, formatRatio, marked, missing } from './words.mjs'

/** What a note can be of. */
export const NOTABLE = [...Object.keys(WORKLOADS), ...Object.keys(LINES), ...Object.values(BARS)]

/** Why varve loses where it does, by line, as people have found it out. */
export function readNotes() {
  return notesOf(readFileSync(new URL('notes.md', import.meta.url), 'utf8'))
}

/** Texts by the headings of the second level that they stand under. */
export function notesOf(markdown) {
  const [, ...parts] = markdown.split(/^## /m)
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n')
      return [part.slice(0, end).trim(), part.slice(end).trim()]
    }),
  )
}

/** Each line on which varve is behind its best peer or misses a bar, with what is known of it. */
export function lossBlocks({ macro, reference, allocations }, notes) {
  const head = heading(2, 'Where varve loses, and why')
  if ([...Object.values(macro), reference, allocations].every((result) => result === undefined))
    return [head, missing('npm run bench')]
  const losses = new Map()
  const add = (name, said) => losses.set(name, [...(losses.get(name) ?? []), said])
  for (const [kind, result] of Object.entries(macro))
    for (const comparison of result === undefined ? [] : comparisonsOf(result))
      if (comparison.hasFailed) add(comparison.name, `${kind}: failed`)
      else if (comparison.isBehind || comparison.isMissed)
        add(comparison.name, `${kind}: ${lossOf(comparison)}`)
  for (const { name, ratio, least, holds, isDisturbed } of reference?.lines ?? [])
    if (!holds || ratio.median < 1)
      add(
        name,
        `one memtable: ${marked(formatRatio(ratio.median), isDisturbed)} × native code, where ≥ ${least} is the bar`,
      )
  for (const { name, bytes, bar, reached } of allocations?.bars ?? [])
    if (reached === false) add(name, `allocations: ${bytes.toFixed(2)}, where ${bar} is the bar`)
  if (losses.size === 0) return [head, paragraph('On no line that was measured.')]
  return [
    head,
    paragraph(
      'Every line on which varve is behind its best peer or misses a bar. Hot paths of the kernel and threads have theirs below.',
    ),
    ...[...losses].flatMap(([name, said]) => [
      paragraph(strong(name), ` – ${said.join('; ')}.`),
      ...(notes.has(name) ? blocksOf(notes.get(name)) : [paragraph('No explanation yet.')]),
    ]),
  ]
}

function lossOf({ unit, isLessBetter, own, best, ratio, verdicts, isDisturbed }) {
  const missed = verdicts
    .filter(({ holds }) => !holds)
    .map((verdict) =>
      verdict.best === undefined || verdict.best === best?.engine
        ? `its bar is ${formatBar(verdict, unit, best?.engine)}`
        : `${formatRatio(verdict.value)} × ${verdict.best}, where its bar is ${formatBar(verdict, unit, verdict.best)}`,
    )
  const isCost = isLessBetter ? ' (less is better)' : ''
  const beside =
    ratio === undefined ? [] : [marked(`${formatRatio(ratio)} × ${best.engine}`, isDisturbed) + isCost]
  const absolute = verdicts.some(({ best: of, holds }) => of === undefined && !holds)
    ? [formatFigure(own, unit)]
    : []
  return [...absolute, ...beside, ...missed].join(', ')
}
