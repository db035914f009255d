import { totalBytes } from '../compaction/levels.ts'
import { EntryStream } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import { assignRuns } from '../version/flush-runs.ts'
import type { Run, TableInfo } from '../version/version.ts'
import { policyFor } from './compaction.ts'
import type { Keeper } from './keeper.ts'
import { commitTables } from './table-commit.ts'
import { TableJob } from './table-job.ts'
import { outputHost, TableOutput } from './table-output.ts'
import type { Memtable } from './memtable.ts'
import type { Tree } from './tree.ts'

/**
 * The flush of sealed memtables of a keyspace, its oldest ones, into tables.
 *
 * CRASH: before the edit is durable the journals still hold everything; after it they are replayed above the flushed seqno only.
 */
export class FlushJob extends TableJob {
  /** Newest first. */
  readonly memtables: readonly Memtable[]

  constructor(keeper: Keeper, tree: Tree, memtables: readonly Memtable[]) {
    super(keeper, tree)
    this.memtables = memtables
  }

  protected override open(older: number): TableOutput {
    const { keeper, tree } = this
    const dropping = keeper.disposal.beginDropping()
    const stream = new EntryStream(
      keeper.kernel,
      this.memtables.map((memtable) => memtable.pointer),
    )
    stream.setRules({ ...dropping, older, cutKeys: [], repeats: !tree.isOrdered })
    return new TableOutput(outputHost(keeper), tree.id, stream, 0, policyFor(tree.policy, 0, Infinity))
  }

  protected override olderRuns(): readonly Run[] {
    return [...new Set(this.tree.versionsNaming(this.memtables).flatMap((version) => version.runs))]
  }

  protected override sources(): Iterable<number> {
    return []
  }

  protected override syncBefore(): void {
    this.keeper.journals.sync()
  }

  protected override syncBeforeAsync(): Promise<void> {
    return this.keeper.journals.syncAsync()
  }

  protected override install(outputs: readonly TableFile[]): void {
    const { keeper, tree } = this
    const memtables = this.memtables
    // NOTE: it never falls. What a salvage takes up again is older than what was flushed before.
    const flushedSeqno = Math.max(
      tree.flushedSeqno,
      ...memtables.map((memtable) => memtable.highestSeqno + 1),
    )
    const added = assignRuns(
      outputs.map((table) => table.info),
      tree.version,
      () => keeper.catalog.newFileId(),
    )
    const opened = outputs.map((table, i) => ({ ...table, info: added[i] as TableInfo }))
    const change = { removed: [], added, opened, flushedSeqno }
    const prepared = commitTables(keeper, tree, change, () => tree.prepare({ memtables, ...change }))
    keeper.thread.locked(() => prepared.install())
    tree.counters.flushes++
    const bytes = totalBytes(added)
    tree.counters.flushedBytes += bytes
    keeper.events.emit('flush', { keyspace: tree.name, tables: added.length, bytes })
  }

  protected override cleanUp(): void {
    // NOTE: a compaction may have ended meanwhile, and left to us the tables that we had pinned.
    this.keeper.disposal.deleteRetired(this.tree)
    this.keeper.journals.removeObsolete()
  }
}
