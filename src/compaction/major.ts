import type { Run, TableInfo, Version } from '../version/version.ts'
import { compareKeys } from '../bytes.ts'
import type { Choice, CompactionState } from './choice.ts'
import { garbage, levelTargets, mergeFlushed, mergeInto, rewrite, type LeveledOptions } from './leveled.ts'
import { flushedRuns, LAST_LEVEL, levelRun, overlapping, type KeySpan } from './levels.ts'

/** So much of a level goes down in one step. */
const PORTION_TABLES = 16

/** A range of keys; undefined: open on that side. */
export interface MajorRange {
  readonly lower: Uint8Array | undefined
  /** Included. */
  readonly upper: Uint8Array | undefined
  /** Flushed tables with ids from this on came after it was asked for, and wait; undefined: none do. */
  readonly newerFrom?: number
}

/**
 * The next step of compact(): what overlaps the range goes down, level by level, until it all lies in the last level, without tombstones and hidden versions. The
 * flushed runs go first, all of them or portions of the oldest; then of each level, from above, the tables of the range. In the last level what was not written by such a step and
 * holds garbage, or is not written as the policy has it for the lowest level, is written again. NOTE: what it writes to the last level is written so however few levels there are: nothing will
 * ever lie below it, and whoever asks for a compaction of all has time.
 *
 * `isDone`: whether this compact() wrote a last-level table: a snapshot may have kept its tombstones. `isOther`: whether it is written otherwise than the policy has it.
 * @returns undefined when nothing is left to do, or others are at work where it would go on
 */
export function chooseMajor(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  range: MajorRange,
  isDone: (tableId: number) => boolean,
  isOther: (tableId: number) => boolean,
): Choice | undefined {
  const isStale = (table: TableInfo): boolean =>
    !isDone(table.id) && (garbage(table) > 0 || isOther(table.id))
  const choice = nextStep(version, state, options, range, isStale)
  if (choice?.type !== 'merge' || choice.level !== LAST_LEVEL) return choice
  return { ...choice, canonicalLevel: LAST_LEVEL }
}

/** `isStale`: whether a table of the last level is to be written again. */
function nextStep(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  range: MajorRange,
  isStale: (table: TableInfo) => boolean,
): Choice | undefined {
  const targets = levelTargets(version, options)
  const isOld = ({ id }: TableInfo): boolean => id < (range.newerFrom ?? Infinity)
  if (flushedRuns(version).some((run) => inRange(run, range).some(isOld))) {
    return mergeFlushed(version, state, options, targets)
  }
  for (let level = 1; level < LAST_LEVEL; level++) {
    const tables = inRange(levelRun(version, level), range)
    if (tables.length > 0)
      return mergeInto(version, state, options, targets, [tables.slice(0, PORTION_TABLES)], level + 1)
  }
  const again = inRange(levelRun(version, LAST_LEVEL), range).find(isStale)
  return again === undefined ? undefined : rewrite(state, options, targets, again)
}

function inRange(run: Run, { lower, upper }: MajorRange): Run {
  const [first] = run
  const last = run.at(-1)
  if (first === undefined || last === undefined) return []
  const span: KeySpan = {
    smallestKey: lower !== undefined && compareKeys(lower, first.smallestKey) > 0 ? lower : first.smallestKey,
    largestKey: upper !== undefined && compareKeys(upper, last.largestKey) < 0 ? upper : last.largestKey,
  }
  return compareKeys(span.smallestKey, span.largestKey) > 0 ? [] : overlapping(run, span)
}
