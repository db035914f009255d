import type { Run, TableInfo, Version } from '../version/version.ts'
import type { Choice, CompactionState } from './choice.ts'
import { flushedRuns, hull, isBusy, isFree, LAST_LEVEL, levelRun, overlapping, totalBytes } from './levels.ts'

export interface LeveledOptions {
  /** Size at which a table ends. */
  readonly tableBytes: number
  /** Size of the base level. */
  readonly baseBytes: number
  /** How much larger a level is than the one above it. */
  readonly ratio: number
  /** So many flushed runs are merged. */
  readonly flushedRunsTrigger: number
}

export const LEVELED_DEFAULTS: LeveledOptions = {
  tableBytes: 16_777_216,
  baseBytes: 268_435_456,
  ratio: 10,
  flushedRunsTrigger: 4,
}

/** A table overlaps at most so many tables' worth of the level below its own. */
const GRANDPARENT_TABLES = 10

export interface LevelTargets {
  /** The level that flushed runs are merged into: those between are empty. */
  readonly baseLevel: number
  /** Bytes that each level may have; Infinity for level 0, the last level and those above the base level. */
  readonly targets: readonly number[]
}

/**
 * Sizes of the levels, from the largest one upwards, each `ratio` times smaller, so that nine tenths of the data lie in the last level, however much
 * there is: what is overwritten takes little space (RocksDB, level_compaction_dynamic_level_bytes). The base level is the first that need not be
 * larger than baseBytes.
 */
export function levelTargets(version: Version, { baseBytes, ratio }: LeveledOptions): LevelTargets {
  const sizes = Array.from({ length: LAST_LEVEL + 1 }, (_, level) =>
    level === 0 ? 0 : totalBytes(levelRun(version, level)),
  )
  const largest = Math.max(...sizes)
  const first = sizes.findIndex((bytes) => bytes > 0)
  let baseLevel = LAST_LEVEL
  for (let bytes = largest; bytes > baseBytes && baseLevel > 1; bytes /= ratio) baseLevel--
  // NOTE: what lies above, after most of the data was deleted, wanders down by and by.
  if (first > 0) baseLevel = Math.min(baseLevel, first)
  const targets = sizes.map((_, level) => {
    if (level < baseLevel || level === LAST_LEVEL) return Infinity
    return Math.max(baseBytes, largest / ratio ** (LAST_LEVEL - level))
  })
  return { baseLevel, targets }
}

export interface LevelScore {
  readonly level: number
  /** From 1 on there is something to do. */
  readonly score: number
}

/** How much each level needs it, leaving out what is being merged; for choosing, and to be looked at. */
export function levelScores(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  { targets }: LevelTargets = levelTargets(version, options),
): readonly LevelScore[] {
  return targets.map((target, level) => {
    if (level === 0) return { level, score: flushedScore(version, state, options) }
    const idle = levelRun(version, level).filter((table) => !isBusy(state, table))
    return { level, score: totalBytes(idle) / target }
  })
}

/** NOTE: one run is no slower to read than a level, so it counts by its size only. */
function flushedScore(version: Version, state: CompactionState, options: LeveledOptions): number {
  const runs = flushedRuns(version)
  const tables = runs.flat()
  if (tables.length === 0 || tables.some((table) => isBusy(state, table))) return 0
  const byRuns = runs.length > 1 ? runs.length / options.flushedRunsTrigger : 0
  return Math.max(byRuns, totalBytes(tables) / options.baseBytes)
}

/** The next step of leveled compaction, or undefined when there is none. */
export function chooseLeveled(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
): Choice | undefined {
  const targets = levelTargets(version, options)
  const scores = [...levelScores(version, state, options, targets)].sort((a, b) => b.score - a.score)
  for (const { level, score } of scores) {
    if (score < 1) break
    const choice =
      level === 0
        ? mergeFlushed(version, state, options, targets)
        : chooseTable(version, state, options, targets, level, levelRun(version, level))
    if (choice !== undefined) return choice
  }
  return chooseTombstones(version, state, options, targets) ?? chooseGarbage(version, state, options, targets)
}

/**
 * Merges the flushed runs, or as many of the oldest ones as can be read at once, with what they overlap in the base level; undefined if others are
 * at work there.
 */
export function mergeFlushed(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  targets: LevelTargets,
): Choice | undefined {
  const { baseLevel } = targets
  const runs = flushedRuns(version)
  const base = levelRun(version, baseLevel)
  const overlapped = overlapping(base, hull(runs.flat()))
  // INVARIANT: newer runs may stay above, older ones may not.
  const oldest = runs.slice(-Math.max(1, state.maxInputRuns - (overlapped.length > 0 ? 1 : 0)))
  return mergeInto(version, state, options, targets, oldest, baseLevel)
}

/**
 * A table of a level goes down: one that is mostly tombstones, or else the one that has least to be merged with for its size.
 * NOTE: tables are moved where that is free, one after another, but not on top of too much of the level below.
 */
function chooseTable(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  targets: LevelTargets,
  level: number,
  candidates: readonly TableInfo[],
): Choice | undefined {
  const below = levelRun(version, level + 1)
  const ranked = candidates
    .map((table) => ({ table, cost: isMostlyTombstones(table) ? -1 : overlapRatio(table, below) }))
    .sort((a, b) => a.cost - b.cost)
  for (const { table } of ranked) {
    const choice = mergeInto(version, state, options, targets, [[table]], level + 1)
    if (choice !== undefined) return choice
  }
  return undefined
}

/**
 * Tables above the last level that are mostly tombstones go down, though their level is not full: they hide more than they hold, and reads pass over
 * them one by one. NOTE: not flushed ones, which are merged soon or hide nothing; of the last level: chooseGarbage.
 */
function chooseTombstones(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  targets: LevelTargets,
): Choice | undefined {
  for (let level = 1; level < LAST_LEVEL; level++) {
    const dense = levelRun(version, level).filter(isMostlyTombstones)
    const choice = chooseTable(version, state, options, targets, level, dense)
    if (choice !== undefined) return choice
  }
  return undefined
}

/** A table of the last level is written again, alone, when more than this part of it can be dropped. */
const GARBAGE_PART = 4

/**
 * A table of the last level in which snapshots kept much that none needs any more. NOTE: above it such things go when their table goes down.
 */
function chooseGarbage(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  targets: LevelTargets,
): Choice | undefined {
  for (const table of levelRun(version, LAST_LEVEL)) {
    const isReleased = table.highestSeqno < state.oldestSnapshot
    if (!isReleased || GARBAGE_PART * garbage(table) <= table.entries) continue
    const choice = rewrite(state, options, targets, table)
    if (choice !== undefined) return choice
  }
  return undefined
}

/** Entries that are dropped from a last-level table when it is written again and no snapshot needs them. */
export function garbage({ tombstones, hiddenVersions }: TableInfo): number {
  return tombstones + hiddenVersions
}

/** Writes a table of the last level again; undefined if others are at work there. */
export function rewrite(
  state: CompactionState,
  options: LeveledOptions,
  { baseLevel }: LevelTargets,
  table: TableInfo,
): Choice | undefined {
  if (!isFree(state, [table], LAST_LEVEL)) return undefined
  return {
    type: 'merge',
    inputs: [[table]],
    level: LAST_LEVEL,
    targetBytes: options.tableBytes,
    cutKeys: [],
    canonicalLevel: LAST_LEVEL - baseLevel + 1,
  }
}

function isMostlyTombstones({ tombstones, entries }: TableInfo): boolean {
  return 2 * tombstones > entries
}

function overlapRatio(table: TableInfo, below: Run): number {
  return totalBytes(overlapping(below, table)) / table.sizeBytes
}

/** The step that takes parts of runs, newest first, to a level; undefined if others are at work there. */
export function mergeInto(
  version: Version,
  state: CompactionState,
  options: LeveledOptions,
  { baseLevel }: LevelTargets,
  upper: readonly Run[],
  level: number,
): Choice | undefined {
  const target = levelRun(version, level)
  const moved = upper.flat()
  // NOTE: what is merged can end up anywhere between the first and the last key, what is moved stays where it is.
  const lower = overlapping(target, hull(moved))
  const tables = [...moved, ...lower]
  if (!isFree(state, tables, level)) return undefined
  const grandparents = level === LAST_LEVEL ? [] : overlapping(levelRun(version, level + 1), hull(tables))
  const grandparentLimit = GRANDPARENT_TABLES * options.tableBytes
  const canMove =
    upper.length === 1 &&
    moved.every((table) => overlapping(target, table).length === 0) &&
    totalBytes(grandparents) <= grandparentLimit
  if (canMove) return { type: 'move', tables: moved, level }
  return {
    type: 'merge',
    inputs: lower.length === 0 ? upper : [...upper, lower],
    level,
    targetBytes: options.tableBytes,
    cutKeys: cutKeys(grandparents, grandparentLimit),
    canonicalLevel: Math.max(1, level - baseLevel + 1),
  }
}

/** Keys behind which a table ends: the last ones of tables up to which `limitBytes` have come together. */
function cutKeys(grandparents: readonly TableInfo[], limitBytes: number): Uint8Array[] {
  const keys: Uint8Array[] = []
  let bytes = 0
  for (const { sizeBytes, largestKey } of grandparents) {
    bytes += sizeBytes
    if (bytes < limitBytes) continue
    keys.push(largestKey)
    bytes = 0
  }
  return keys
}
