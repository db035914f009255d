import type { Bugs } from './bug.ts'

const TABLE_JOB = 'src/engine/table-job.ts'
const TREE = 'src/engine/tree.ts'
const ERASURE = 'src/engine/erasure.ts'

/** What flushes, compactions and erasures write, drop and give back. */
export const TABLE_BUGS: Bugs = {
  'tables count before they are durable': {
    field: 1,
    patches: [
      {
        file: TABLE_JOB,
        find: '      for (const table of output.tables) this.#synced(() => table.file.sync())\n',
        replace: '',
      },
      {
        file: TABLE_JOB,
        find: '        if (!this.done) await table.file.syncAsync()',
        replace: '        if (!this.done) await Promise.resolve(table)',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'a compaction drops tombstones though older tables hold the key': {
    field: 5,
    patches: [
      {
        file: 'src/engine/compaction.ts',
        find: '    return runs\n      .slice(newest)\n',
        replace: '    return runs\n      .slice(newest, newest)\n',
      },
    ],
    programs: ['metamorphic', 'model'],
  },
  'a flush drops tombstones though older tables hold the key': {
    field: 5,
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: '    return [...new Set(this.tree.versionsNaming(this.memtables).flatMap((version) => version.runs))]\n',
        replace: '    return []\n',
      },
    ],
    programs: ['crash-points'],
  },
  'the kernel takes no older table for one that may hold a key': {
    field: 5,
    patches: [
      {
        file: 'assembly/compact/older.ts',
        find: 'compareSmallest(loadU32(tables + 4 * at), key, keyLength) <= 0) return true',
        replace: 'compareSmallest(loadU32(tables + 4 * at), key, keyLength) < 0) return true',
      },
    ],
    programs: ['metamorphic', 'model'],
  },
  'what is dropped is chosen without regard to snapshots': {
    field: 6,
    patches: [
      {
        file: 'src/table/entry-stream.ts',
        find: '    const below = snapshots.filter((seqno) => seqno < barrier)\n',
        replace: '    const below: number[] = (void snapshots, [])\n',
      },
    ],
    programs: ['crash-points', 'isolation'],
  },
  'the kernel takes all versions of a key for versions of one stripe': {
    field: 6,
    patches: [
      {
        file: 'assembly/compact/drop.ts',
        find: '    loadU32(stream + STREAM_NEWER_STRIPE) == stripe &&\n',
        replace: '    loadU32(stream + STREAM_NEWER_STRIPE) >= stripe &&\n',
      },
    ],
    programs: ['crash-points', 'isolation'],
  },
  'a flush takes out memtables that were sealed meanwhile': {
    field: 11,
    patches: [
      {
        file: TREE,
        find: '        this.sealed = this.sealed.filter((memtable) => !memtables.includes(memtable))\n',
        replace: '        this.sealed = []\n',
      },
    ],
    programs: ['crash-points', 'isolation'],
  },
  'keys are erased in memory only': {
    field: 12,
    patches: [
      {
        file: ERASURE,
        find: 'prepared = commitTables(keeper, tree, change, () => tree.prepareAppend(seqno, version, opened, !erases))',
        replace: 'prepared = tree.prepareAppend(seqno, version, opened, (void change, !erases))',
      },
    ],
    programs: ['crash-points', 'bounded-exhaustive'],
  },
  'what was erased goes though a snapshot reads it': {
    field: 13,
    patches: [
      {
        file: 'src/engine/disposal.ts',
        find: '      tree.collect(barrier, snapshots)\n',
        replace: '      tree.collect(barrier, (void snapshots, []))\n',
      },
    ],
    programs: ['crash-points', 'bounded-exhaustive'],
  },
  'older runs of a level come before newer ones': {
    field: 14,
    patches: [
      {
        file: 'src/version/version.ts',
        find: '  return a.level - b.level || b.run - a.run\n',
        replace: '  return a.level - b.level || a.run - b.run\n',
      },
    ],
    programs: ['crash-points', 'metamorphic'],
  },
  'a compaction that failed is tried again at once, for ever': {
    field: 8,
    patches: [
      {
        file: 'src/engine/compactor.ts',
        find: '      this.#retryAt = Date.now() + RETRY_MS\n    } finally {\n      this.#loop = undefined\n',
        replace: '    } finally {\n      this.#loop = undefined\n      this.request()\n',
      },
    ],
    programs: ['io-errors'],
  },
  'a read error ends the run that a merge reads': {
    field: 29,
    patches: [
      {
        file: 'src/table/entry-stream.ts',
        find: '    const scan = run.nextDataBlock()\n',
        replace:
          '    let scan: TableScan | undefined\n    try {\n      scan = run.nextDataBlock()\n    } catch {}\n',
      },
    ],
    programs: ['io-errors', 'bitflip'],
  },
  'keys are erased before what was written is durable': {
    patches: [
      {
        file: ERASURE,
        find: '    keeper.journals.sync()\n    const opened',
        replace: '    const opened',
      },
    ],
    programs: ['bounded-exhaustive', 'durability-audit'],
  },
  'files of tables that nothing names stay open': {
    patches: [
      {
        file: 'src/engine/disposal.ts',
        find: '          table.file.close()\n          freeTableRecord',
        replace: '          freeTableRecord',
      },
    ],
    programs: ['crash-points', 'gc-under-load'],
  },
  'a dropped keyspace leaves its files': {
    patches: [
      {
        file: 'src/engine/keyspaces.ts',
        find: '  keeper.disposal.discardTables(tables)\n',
        replace: '  keeper.disposal.closeTables(tables)\n',
      },
    ],
    programs: ['metamorphic', 'soak'],
  },
  'a flushed memtable is kept now and then': {
    patches: [
      {
        file: TREE,
        find: '          for (const memtable of memtables) memtable.free()\n        })\n        const ids',
        replace:
          '          for (const memtable of memtables) if (Math.random() > 0.1) memtable.free()\n        })\n        const ids',
      },
    ],
    programs: ['gc-under-load'],
  },
}
