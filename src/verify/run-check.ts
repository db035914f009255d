import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_DONE,
  STATUS_FOREIGN,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import type { Keeper } from '../engine/keeper.ts'
import type { Tree } from '../engine/tree.ts'
import { corrupt } from '../errors.ts'
import { EntryStream } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import { compareKeys } from '../bytes.ts'
import type { Run } from '../version/version.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { noteProblem } from './report.ts'

const ENTRIES_AT_ONCE = 1000
/** Runs that are compared with each other in one pass, two groups of them. */
const GROUP_RUNS = 16

/**
 * Checks a keyspace's runs against each other: tables of one run do not overlap, and of every key the entries in a newer run are newer. Yields as
 * checkTable does. INVARIANT: the tables are pinned.
 */
export function* checkRuns(
  keeper: Keeper,
  tree: Tree,
  runs: readonly Run[],
  report: VerifyReport,
): Generator<void> {
  try {
    for (const run of runs) checkDisjoint(tree, run)
    const groups: Run[][] = []
    for (let at = 0; at < runs.length; at += GROUP_RUNS) groups.push(runs.slice(at, at + GROUP_RUNS))
    if (groups.length === 1 && groups[0]?.length === 1) return
    for (const [i, newer] of groups.entries()) {
      const others = groups.length === 1 ? [[]] : groups.slice(i + 1)
      for (const older of others) yield* checkOrder(keeper, tree, [...newer, ...older])
    }
  } catch (error) {
    noteProblem(report, error)
  }
}

function checkDisjoint(tree: Tree, run: Run): void {
  for (const [i, table] of run.entries()) {
    const next = run[i + 1]
    if (next === undefined || compareKeys(table.largestKey, next.smallestKey) < 0) continue
    throw corrupt(nameOf(tree, table.id), 0, 'it shares keys with another table of its run')
  }
}

function* checkOrder(keeper: Keeper, tree: Tree, runs: readonly Run[]): Generator<void> {
  const { kernel } = keeper
  const { exports, slot, u8 } = kernel
  keeper.budget.forJob(runs.length)
  const stream = new EntryStream(
    kernel,
    [],
    runs.map((run) => run.map(({ id }) => tree.files.get(id) as TableFile)),
    keeper.blocks,
  )
  try {
    for (let status = STATUS_OK; status !== STATUS_DONE;) {
      status = exports.streamInspect(slot, stream.pointer, 0, ENTRIES_AT_ONCE)
      if (status === STATUS_FOREIGN) {
        const at = kernel.word(SLOT_POINTER)
        const table = holderOf(
          runs[kernel.word(SLOT_POSITION)] ?? [],
          u8.subarray(at, at + kernel.word(SLOT_LENGTH)),
        )
        throw corrupt(
          nameOf(tree, table),
          0,
          'it holds an entry that is older than one of the same key in an older run',
        )
      }
      if (status === STATUS_MALFORMED) {
        throw corrupt(nameOf(tree, runs[0]?.[0]?.id ?? 0), 0, 'entries of its keyspace do not ascend')
      }
      if (status === STATUS_NEED_BLOCK) {
        stream.supply(() => {
          throw new Error('inspection: an extent was asked for')
        })
        if (stream.read % 100 !== 0) continue
      }
      yield
    }
  } finally {
    stream.free()
  }
}

/** The table of a run that may hold a key; 0: none. */
function holderOf(run: Run, key: Uint8Array): number {
  const table = run.find(({ largestKey }) => compareKeys(key, largestKey) <= 0)
  return table?.id ?? 0
}

function nameOf(tree: Tree, id: number): string {
  return tree.files.get(id)?.file.name ?? `table ${id}`
}
