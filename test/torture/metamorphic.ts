/**
 * T08 of RELIABILITY.md: a history of reads and writes is run on databases that are opened and used in different ways (option-sets.ts): each has to
 * give the answers of the model, so all give the same. What no answer shows is looked at wherever the database rests: a scan finds what gets find,
 * live journals stay few though a keyspace is idle, and the files on the disk are those that the database knows of.
 */
import { onPretendedHost } from '../support/pretended-host.ts'
import { mulberry32 } from '../support/random.ts'
import { expectedAnswers } from './expected.ts'
import { type Act, makeHistory } from './history.ts'
import { type OptionSet, type TextDatabase, allTiny, defaults, randomSet } from './option-sets.ts'
import { Player } from './player.ts'
import { Violation } from './runner.ts'
import { shorten } from './shorten.ts'

export interface Budget {
  readonly seed: number
  /** No history is begun after this time, */
  readonly seconds: number
  /** nor after so many. */
  readonly workloads?: number
  /** Acts of a history. */
  readonly steps?: number
  /** What the player is given instead of the database; positive controls put one with a bug there. */
  readonly instead?: (database: TextDatabase) => TextDatabase
  /** Whether to look for fewer acts that fail as well. Default true. */
  readonly shorten?: boolean
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  histories: number
  /** Acts, each counted for every way in which it was run. */
  executions: number
  reopens: number
}

const randomSets = 4

export async function metamorphic(budget: Budget): Promise<Summary> {
  const began = performance.now()
  const { seed, seconds, workloads = Infinity, steps = 2000, instead } = budget
  const summary: Summary = {
    program: 'metamorphic',
    seed,
    seconds: 0,
    histories: 0,
    executions: 0,
    reopens: 0,
  }
  while (summary.histories < workloads && performance.now() - began < seconds * 1000) {
    const current = seed + summary.histories
    const random = mulberry32(current)
    const acts = makeHistory(random, steps)
    const sets = [defaults, allTiny, ...Array.from({ length: randomSets }, (_, i) => randomSet(random, i))]
    const expected = expectedAnswers(acts)
    for (const set of sets) {
      const failure = await failureOf(set, acts, expected, current, instead)
      if (failure === undefined) continue
      if (budget.shorten === false) throw new Violation(failure)
      const shortest = await shorten(acts, failure, (fewer) =>
        failureOf(set, fewer, expectedAnswers(fewer), current, instead),
      )
      throw new Violation(
        `${shortest.failure}\n  used as ${JSON.stringify(set)}\n  history:\n` +
          shortest.steps.map((act, i) => `  ${i}. ${JSON.stringify(act)}`).join('\n') +
          `\n  the whole history: node test/torture/run.mjs metamorphic --seed ${current} --steps ${steps} --workloads 1`,
      )
    }
    summary.histories++
    summary.executions += acts.length * sets.length
    summary.reopens += acts.filter((act) => act.do === 'reopen').length * sets.length
  }
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

/** What went wrong when the history was run in one way; undefined: nothing. */
async function failureOf(
  set: OptionSet,
  acts: readonly Act[],
  expected: readonly string[],
  seed: number,
  instead: Budget['instead'],
): Promise<string | undefined> {
  return onPretendedHost(seed, async (host) => {
    const player = new Player(set, host, instead)
    let number = 0
    try {
      await player.begin()
      for (const act of acts) {
        const answer = await player.answer(act)
        if (answer !== expected[number]) {
          return `${set.name}: act ${number} (${JSON.stringify(act)}) answered\n${answer}\n  instead of\n${expected[number]}`
        }
        number++
      }
      return undefined
    } catch (error) {
      return `${set.name}: act ${number} (${JSON.stringify(acts[number])}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    } finally {
      await player.end().catch(() => {})
    }
  })
}
