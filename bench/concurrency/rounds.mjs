import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median } from '../measure.mjs'
import { DISTURBED_FROM_CORES, waitForCalm } from './machine.mjs'

export const JSON_MARK = '\n--json--\n'
/** Fewer undisturbed rounds than this say nothing for themselves. */
const ROUNDS_MIN = 3

/** Takes rounds of all variants of a line. */
export function interleaved(line, variants, rounds) {
  const child = fileURLToPath(new URL('./child.mjs', import.meta.url))
  return takeRounds((variant) => measureIn(child, line, variant), variants, rounds)
}

/**
 * Measures all variants, one after the other, again and again, each time in a fresh process. Rounds that others disturbed are marked and made up
 * for by further ones: as many again, or VARVE_BENCH_EXTRA_ROUNDS.
 */
export async function takeRounds(measure, variants, rounds) {
  const wanted = Math.max(ROUNDS_MIN, rounds)
  const most = wanted + Number(process.env.VARVE_BENCH_EXTRA_ROUNDS ?? wanted)
  const all = []
  for (let calm = 0; calm < wanted && all.length < most;) {
    const figures = {}
    let others = 0
    for (const variant of variants) {
      await waitForCalm()
      const result = measure(variant)
      figures[variant] = result.figures
      others = Math.max(others, result.othersCores)
    }
    const isDisturbed = others > DISTURBED_FROM_CORES
    if (!isDisturbed) calm++
    all.push({ figures, othersCores: Number(others.toFixed(2)), isDisturbed })
  }
  return all
}

/** The rounds that count: those that nobody disturbed, or all if those are too few. */
export function counting(rounds) {
  const calm = rounds.filter((round) => !round.isDisturbed)
  return calm.length >= ROUNDS_MIN ? calm : rounds
}

/** A figure of the rounds that count: median, lowest, highest. `of` takes the figures of a round. */
export function spread(rounds, of) {
  const values = counting(rounds).map(({ figures }) => of(figures))
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

/** One line of the report. `bar`: { least } or { most }, or undefined for what is told only. */
export function verdict(what, figures, rounds, { median: value, lowest, highest }, bar, unit = '×') {
  const calm = rounds.filter((round) => !round.isDisturbed).length
  const holds =
    bar === undefined ? undefined : bar.least === undefined ? value <= bar.most : value >= bar.least
  const others = Math.max(...rounds.map((round) => round.othersCores))
  return { what, figures, value, lowest, highest, bar, unit, holds, calm, rounds: rounds.length, others }
}

export function printVerdicts(title, verdicts) {
  process.stdout.write(`\n${title}\n\n`)
  process.stdout.write(
    '| what | figures | ratio | lowest – highest | bar | | undisturbed rounds | others at most |\n|---|---|--:|--:|--:|---|--:|--:|\n',
  )
  for (const { what, figures, value, lowest, highest, bar, unit, holds, calm, rounds, others } of verdicts) {
    const number = (x) => x.toFixed(2)
    const limit = bar === undefined ? '' : bar.least === undefined ? `≤ ${bar.most}` : `≥ ${bar.least}`
    const said = holds === undefined ? '' : holds ? 'holds' : 'MISSED'
    const doubt = holds !== undefined && calm < ROUNDS_MIN ? ' (disturbed)' : ''
    process.stdout.write(
      `| ${what} | ${figures} | ${number(value)} ${unit} | ${number(lowest)} – ${number(highest)} | ${limit} | ${said}${doubt} | ${calm} of ${rounds} | ${number(others)} cores |\n`,
    )
  }
}

/** Runs a child, which reports. */
export function measureIn(child, ...words) {
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, child, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  })
  if (status !== 0) throw new Error(`${words.join(' ')} failed`)
  return JSON.parse(stdout.split(JSON_MARK)[1])
}

/** What a child tells. */
export function report(figures, othersCores) {
  process.stdout.write(`${JSON_MARK}${JSON.stringify({ figures, othersCores })}`)
}
