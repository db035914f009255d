/**
 * Two threads write and two read, with short and long snapshots and ranges that end early, while memtables are sealed every few milliseconds; round after round. When a
 * round is over and everything was removed, no more is in use than before it: pages, files, slots of threads, registered snapshots, descriptors.
 */
import { Violation } from './runner.ts'
import { runChild } from './threads/child.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { GcReport } from './threads/gc-child.ts'
import { isBack } from './threads/level.ts'
import { SMALL_LEVELS, type Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  readonly seconds: number
  /** Leaks that are seeded. */
  readonly patches?: readonly Patch[]
  /** Seconds of a round, and how long what is in use may take to go. */
  readonly roundSeconds?: number
  readonly settleSeconds?: number
}

export interface Summary extends GcReport {
  readonly program: string
  readonly seed: number
  readonly seconds: number
}

const STUCK_MS = 30_000

/** @throws Violation with the command that repeats it */
export async function gcUnderLoad(budget: Budget): Promise<Summary> {
  const { seed, seconds, patches = [], roundSeconds = 5, settleSeconds = 15 } = budget
  const entry = 'test/torture/threads/gc-child.ts'
  const file = await bundleWithEngine(entry, 'build/torture/threads/gc.mjs', [...SMALL_LEVELS, ...patches])
  const request = { seed, seconds, roundSeconds, settleMs: settleSeconds * 1000, stuckMs: STUCK_MS }
  const { report, failure } = await runChild<GcReport>(file, request, seconds * 4000 + 4 * STUCK_MS)
  const repeat = `\n  again: node test/torture/run.mjs gc-under-load --seed ${seed} --seconds ${seconds}`
  if (failure !== undefined) throw new Violation(failure + repeat)
  if (report.failure !== undefined) throw new Violation(report.failure + repeat)
  const { baseline, levels } = report
  for (const [round, level] of levels.entries()) {
    if (isBack(level, baseline)) continue
    const figures = `${JSON.stringify(level)} instead of ${JSON.stringify(baseline)}`
    throw new Violation(`after round ${round + 1} of ${levels.length} in use: ${figures}${repeat}`)
  }
  return { program: 'gc-under-load', seed, seconds, ...report }
}
