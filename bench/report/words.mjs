import { formatFigure } from '../macro/format.mjs'
import { code, paragraph } from './document.mjs'

/** Beside what was disturbed. */
export const DISTURBED = ' †'

export const marked = (text, isDisturbed) => (isDisturbed ? `${text}${DISTURBED}` : text)

export const formatRatio = (ratio) => (ratio === undefined ? '–' : ratio.toFixed(2))

/** What a verdict is about: '≥ 1.5 × lmdb', or '≥ 1.5' where lmdb is `known`, or '≤ 5.00 ms'. */
export function formatBar({ least, most, best }, unit, known) {
  if (best === undefined) return `≤ ${formatFigure(most, unit)}`
  return `${least === undefined ? `≤ ${most}` : `≥ ${least}`}${best === known ? '' : ` × ${best}`}`
}

/** Stands where a section would, if its suite left nothing. */
export function missing(command) {
  return paragraph('Not measured yet: ', code(command), ' does.')
}

/** The command that made a result. */
export function commandOf({ suite, rounds, settings = {} }) {
  const variables = Object.entries(settings).map(([name, value]) => `${name}='${value}' `)
  return `${variables.join('')}npm run bench -- ${suite} --rounds ${rounds}`
}

/** 'median (lowest – highest)'. */
export function formatSpread({ median, lowest, highest }, format) {
  return lowest === highest ? format(median) : `${format(median)} (${format(lowest)} – ${format(highest)})`
}
