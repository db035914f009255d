import type { MergeChoice, MoveChoice, RunningJob } from '../compaction/choice.ts'
import { hull, totalBytes } from '../compaction/levels.ts'
import { EntryStream } from '../table/entry-stream.ts'
import type { TableFile } from '../table/table-file.ts'
import type { TablePolicy } from '../table/writer.ts'
import { atLevel, type KeyspacePolicy } from '../version/keyspace-policy.ts'
import type { Run, TableInfo } from '../version/version.ts'
import type { Keeper } from './keeper.ts'
import { commitTables } from './table-commit.ts'
import { TableJob } from './table-job.ts'
import { outputHost, TableOutput, type Output } from './table-output.ts'
import type { Tree } from './tree.ts'

/**
 * The merge of tables of a keyspace into tables of a lower level.
 *
 * CRASH: before the edit is durable the inputs count, and the outputs are orphans; after it the other way round.
 */
export class CompactionJob extends TableJob implements RunningJob {
  readonly level: number
  readonly smallestKey: Uint8Array
  readonly largestKey: Uint8Array
  readonly inputs: ReadonlySet<number>
  /** Bytes of the tables that it reads. */
  readonly inputBytes: number
  /** Ids of the tables it wrote, once they are installed. */
  outputs: readonly number[] = []
  readonly #choice: MergeChoice
  readonly #removed: readonly TableInfo[]

  constructor(keeper: Keeper, tree: Tree, choice: MergeChoice) {
    super(keeper, tree)
    this.#choice = choice
    this.level = choice.level
    this.#removed = choice.inputs.flat()
    this.inputs = new Set(this.#removed.map(({ id }) => id))
    this.inputBytes = totalBytes(this.#removed)
    const { smallestKey, largestKey } = hull(this.#removed)
    this.smallestKey = smallestKey
    this.largestKey = largestKey
  }

  protected override open(older: number, mayBeElsewhere: boolean): Output {
    const { keeper, tree } = this
    const { inputs, level, targetBytes, cutKeys, canonicalLevel } = this.#choice
    const runs = inputs.map((run) => run.map(({ id }) => tree.files.get(id) as TableFile))
    const dropping = keeper.disposal.beginDropping()
    const rules = { ...dropping, older, cutKeys, repeats: !tree.isOrdered }
    const policy = policyFor(tree.policy, canonicalLevel, targetBytes)
    const { helper } = keeper.compactor
    if (mayBeElsewhere && helper?.isFree === true)
      return helper.build(keeper, { keyspaceId: tree.id, level, policy, runs, rules })
    const stream = new EntryStream(keeper.kernel, [], runs, keeper.blocks)
    stream.setRules(rules)
    return new TableOutput(outputHost(keeper), tree.id, stream, level, policy)
  }

  /** The rest of the runs that are not newer than all inputs. */
  protected override olderRuns(): readonly Run[] {
    const { runs } = this.tree.version
    const newest = this.tree.isOrdered
      ? runs.findIndex((run) => run.some(({ id }) => this.inputs.has(id)))
      : 0
    return runs
      .slice(newest)
      .map((run) => run.filter(({ id }) => !this.inputs.has(id)))
      .filter((rest) => rest.length > 0)
  }

  protected override sources(): Iterable<number> {
    return this.inputs
  }

  // NOTE: what the inputs hold was covered by journals that were synced before they counted.
  protected override syncBefore(): void {}
  protected override async syncBeforeAsync(): Promise<void> {}

  protected override install(outputs: readonly TableFile[]): void {
    replaceTables(this.keeper, this.tree, this.#removed, outputs, [])
    this.outputs = outputs.map(({ info }) => info.id)
    const { counters } = this.tree
    counters.compactions++
    counters.compactionReadBytes += this.inputBytes
    const writtenBytes = totalBytes(outputs.map(({ info }) => info))
    counters.compactionWrittenBytes += writtenBytes
    this.keeper.events.emit('compaction', {
      keyspace: this.tree.name,
      level: this.level,
      tables: outputs.length,
      readBytes: this.inputBytes,
      writtenBytes,
    })
  }

  protected override cleanUp(): void {
    this.keeper.disposal.deleteRetired(this.tree)
  }
}

/** How tables of a level, counted from the base level (0: flushed ones), are written. */
export function policyFor(policy: KeyspacePolicy, canonicalLevel: number, targetBytes: number): TablePolicy {
  const level = Math.max(0, canonicalLevel)
  return {
    blockBytes: atLevel(policy.blockBytes, level),
    restartInterval: atLevel(policy.restartIntervals, level),
    compression: atLevel(policy.compressions, level),
    bitsPerKey: atLevel(policy.bitsPerKey, level),
    targetBytes,
  }
}

/** Puts tables on another level as they are: one edit. @throws DISK_FULL (nothing changed), or poisons */
export function moveTables(keeper: Keeper, tree: Tree, { tables, level }: MoveChoice): void {
  replaceTables(
    keeper,
    tree,
    tables,
    [],
    tables.map((table) => ({ ...table, level, run: 0 })),
  )
  tree.counters.movedTables += tables.length
  keeper.events.emit('compaction', {
    keyspace: tree.name,
    level,
    tables: tables.length,
    readBytes: 0,
    writtenBytes: 0,
  })
}

/** `opened`: new tables; `moved`: tables that are among those removed, in their new place. */
function replaceTables(
  keeper: Keeper,
  tree: Tree,
  removed: readonly TableInfo[],
  opened: readonly TableFile[],
  moved: readonly TableInfo[],
): void {
  const change = { removed, added: [...opened.map(({ info }) => info), ...moved], opened }
  const prepared = commitTables(keeper, tree, change, () => tree.prepare({ memtables: [], ...change }))
  keeper.thread.locked(() => prepared.install())
}
