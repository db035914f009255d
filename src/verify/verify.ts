import type { Keeper } from '../engine/keeper.ts'
import type { ProgressListener } from '../engine/progress.ts'
import { missing } from '../engine/read-database.ts'
import type { Tree } from '../engine/tree.ts'
import { tableFileName } from '../fs/file-names.ts'
import type { TableFile } from '../table/table-file.ts'
import { checkJournals } from './journal-check.ts'
import { checkManifest } from './manifest-check.ts'
import { openIfThere } from './open-file.ts'
import type { VerifyReport } from '../engine/verify-report.ts'
import { emptyReport, noteProblem } from './report.ts'
import { checkRuns } from './run-check.ts'
import { Slices } from './slices.ts'
import { checkTable } from './table-check.ts'

/**
 * Checks everything on disk that the open database stands on. Reads and writes go on; what is written meanwhile is not checked, and tables that are removed
 * meanwhile are kept until they have been.
 * @throws ABORTED, CLOSED, NO_MEMORY
 */
export async function verify(
  keeper: Keeper,
  signal: AbortSignal | undefined,
  onProgress: ProgressListener,
): Promise<VerifyReport> {
  const report = emptyReport()
  const trees = [...keeper.trees.values()].map((tree) => {
    const { runs } = tree.version
    return { tree, runs, pin: tree.pin(runs.flat().map(({ id }) => id)) }
  })
  try {
    const slices = new Slices(keeper, signal)
    await checkManifest(keeper, report)
    await checkJournals(keeper, report, slices)
    const bytesOf = (some: typeof trees): number =>
      some.flatMap(({ runs }) => runs.flat()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const totalBytes = 2 * bytesOf(trees)
    let doneBytes = 0
    const advance = (bytes: number): void => {
      doneBytes += bytes
      onProgress({ doneBytes, totalBytes })
      keeper.events.emit('progress', { job: 'verify', doneBytes, totalBytes })
    }
    for (const entry of trees) {
      const { tree, runs } = entry
      for (const { id, sizeBytes } of runs.flat()) {
        if (tree.dropped) break
        await checkNamed(keeper, tree, id, report, slices)
        advance(sizeBytes)
      }
      if (!tree.dropped) await slices.run(checkRuns(keeper, tree, runs, report), () => tree.dropped)
      advance(bytesOf([entry]))
    }
    advance(totalBytes - doneBytes)
    return report
  } finally {
    if (!keeper.closed) {
      for (const { tree, pin } of trees) {
        tree.unpin(pin)
        keeper.disposal.deleteRetired(tree)
      }
    }
  }
}

/** Checks a table, and that its name in the directory leads to the same bytes. INVARIANT: it is pinned, so only with its keyspace may it go. */
async function checkNamed(
  keeper: Keeper,
  tree: Tree,
  id: number,
  report: VerifyReport,
  slices: Slices,
): Promise<void> {
  const named = await openIfThere(keeper, tableFileName(id)).catch((error: unknown) => {
    noteProblem(report, error)
    return undefined
  })
  try {
    if (tree.dropped) return
    const table = tree.files.get(id) as TableFile
    if (named === undefined) noteProblem(report, missing(table.file.name))
    await slices.run(checkTable(keeper, table, named ?? table.file, report), () => tree.dropped)
  } finally {
    named?.close()
  }
}
