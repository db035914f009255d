import type { Engine } from '../engine/engine.ts'
import { nextTurn } from '../engine/next-turn.ts'
import type { ProgressListener } from '../engine/progress.ts'
import type { TableFile } from '../table/table-file.ts'
import { VarveError } from '../errors.ts'
import { checkJournals, checkManifest } from './log-check.ts'
import { emptyReport, type VerifyReport } from './report.ts'
import { checkRuns } from './run-check.ts'
import { checkTable } from './table-check.ts'

/** Longest stretch of checking between two turns of the event loop. */
const SLICE_MS = 8

/**
 * Checks everything on disk that the open database stands on. Reads and writes go on; what is written meanwhile is not checked, and tables that are removed
 * meanwhile are kept until they have been.
 * @throws ABORTED, CLOSED, NO_MEMORY
 */
export async function verify(
  engine: Engine,
  signal: AbortSignal | undefined,
  onProgress: ProgressListener,
): Promise<VerifyReport> {
  const report = emptyReport()
  const trees = [...engine.trees.values()].map((tree) => {
    const { runs } = tree.version
    return { tree, runs, pin: tree.pin(runs.flat().map(({ id }) => id)) }
  })
  try {
    await checkManifest(engine, report)
    await checkJournals(engine, report)
    const bytesOf = (some: typeof trees): number =>
      some.flatMap(({ runs }) => runs.flat()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    const totalBytes = 2 * bytesOf(trees)
    let doneBytes = 0
    const advance = (bytes: number): void => {
      doneBytes += bytes
      onProgress({ doneBytes, totalBytes })
      engine.events.emit('progress', { job: 'verify', doneBytes, totalBytes })
    }
    for (const entry of trees) {
      const { tree, runs } = entry
      for (const { id, sizeBytes } of runs.flat()) {
        if (tree.dropped) break
        await inSlices(
          engine,
          signal,
          checkTable(engine, tree.files.get(id) as TableFile, report),
          () => tree.dropped,
        )
        advance(sizeBytes)
      }
      if (!tree.dropped)
        await inSlices(engine, signal, checkRuns(engine, tree, runs, report), () => tree.dropped)
      advance(bytesOf([entry]))
    }
    advance(totalBytes - doneBytes)
    return report
  } finally {
    if (!engine.closed) {
      for (const { tree, pin } of trees) {
        tree.unpin(pin)
        engine.disposal.deleteRetired(tree)
      }
    }
  }
}

/** Takes the steps of a check, with turns of the event loop between them, until it ends or `isOver`. */
async function inSlices(
  engine: Engine,
  signal: AbortSignal | undefined,
  steps: Generator<void>,
  isOver: () => boolean,
): Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS
  engine.assertOpen()
  try {
    while (steps.next().done !== true) {
      if (signal?.aborted === true) {
        throw new VarveError('ABORTED', 'The verification was aborted by its signal.', {
          cause: signal.reason,
        })
      }
      if (performance.now() < sliceEnd) continue
      await nextTurn()
      engine.assertOpen()
      if (isOver()) return
      sliceEnd = performance.now() + SLICE_MS
    }
  } finally {
    // NOTE: a closed database took its pages back already.
    if (!engine.closed) steps.return(undefined)
  }
}
