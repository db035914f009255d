import type { Bugs } from './bug.ts'

const OPEN = 'src/engine/open.ts'
const READ_DATABASE = 'src/engine/read-database.ts'
const JOURNALS = 'src/engine/journals.ts'

/** What opening makes of the files, and what it may delete. */
export const RECOVERY_BUGS: Bugs = {
  'files are deleted before anything is verified': {
    field: 9,
    patches: [
      {
        file: READ_DATABASE,
        find: '    const { state } = manifest\n',
        replace:
          '    const { state } = manifest\n    for (const name of orphansOf(names, state, superblock.manifestId)) await fileSystem.remove(name)\n',
      },
    ],
    programs: ['file-faults', 'bitflip'],
  },
  'journals go before the edit that gives them up': {
    field: 7,
    patches: [
      {
        file: JOURNALS,
        find: '    try {\n      catalog.log(edits)\n',
        replace:
          '    for (const id of ids) files.removeOrphan(journalFileName(id))\n    try {\n      catalog.log(edits)\n',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'a missing superblock is taken for a new database': {
    field: 33,
    patches: [
      {
        file: OPEN,
        find: '    if ((await sizeOf(fileSystem, name)) > limit) return undefined\n',
        replace: '',
      },
      {
        file: OPEN,
        find: '  return leftovers.length > LEFTOVERS_MAX ? undefined : leftovers\n',
        replace: '  return leftovers\n',
      },
      {
        file: 'src/version/superblock.ts',
        find: "  if (a.kind === 'missing') throw missing('a', 'b')\n  if (b.kind === 'missing') throw missing('b', 'a')\n",
        replace: "  if (a.kind === 'missing' || b.kind === 'missing') return { kind: 'none' }\n",
      },
    ],
    programs: ['file-faults'],
  },
  'journals are given up when the first keyspace is flushed': {
    field: 10,
    patches: [
      {
        file: JOURNALS,
        find: '    for (const tree of this.#keeper.trees.values()) {\n      for (const { entries, firstJournal } of tree.memtables()) {\n',
        replace:
          '    for (const tree of [...this.#keeper.trees.values()].slice(0, 1)) {\n      for (const { entries, firstJournal } of tree.memtables()) {\n',
      },
    ],
    programs: ['crash-points', 'metamorphic'],
  },
  'a replayed memtable notes the journal of today as its first': {
    field: 10,
    patches: [
      {
        file: 'src/engine/replay.ts',
        find: 'memtable: tree.openMemtable(journalId).pointer',
        replace: 'memtable: tree.openMemtable(keeper.journals.currentId || journalId).pointer',
      },
    ],
    programs: ['crash-points'],
  },
  'an idle keyspace keeps journals for ever': {
    field: 16,
    patches: [
      { file: JOURNALS, find: '  thinOut(): void {\n', replace: '  thinOut(): void {\n    return\n' },
      {
        file: 'src/engine/keeper.ts',
        find: ' > CLOSE_FLUSH_BYTES || journals.crowded\n',
        replace: ' > CLOSE_FLUSH_BYTES\n',
      },
    ],
    programs: ['metamorphic', 'soak'],
  },
  'names of journals are written as no reader knows them': {
    field: 19,
    patches: [
      {
        file: 'src/fs/file-names.ts',
        find: "  return numberedFileName(id, 'wal')\n",
        replace: "  return numberedFileName(id, 'log')\n",
      },
    ],
    programs: ['crash-points'],
  },
  'what was read is sealed without having been synced': {
    field: 31,
    patches: [
      { file: READ_DATABASE, find: '      for (const { file } of sources) file?.sync()\n', replace: '' },
    ],
    programs: ['crash-in-recovery'],
  },
  'the superblock that was read is not made durable before its other copy is written': {
    field: 31,
    patches: [
      {
        file: 'src/version/superblock-writer.ts',
        find: '    this.#files[otherCopy(this.#next)].sync()\n',
        replace: '',
      },
    ],
    programs: ['crash-in-recovery'],
  },
  'a synced end of a journal that is damaged is cut like a torn one': {
    field: 9,
    patches: [
      {
        file: 'src/journal/log-end.ts',
        find: '    if (length < proven) return endsBelow(journal, length, proven)\n',
        replace: '',
      },
      {
        file: 'src/journal/log-end.ts',
        find: '    if (isSameBoot(this.#input.bootId, scan)) {\n      const isTorn',
        replace: '    if (false) {\n      const isTorn',
      },
    ],
    programs: ['bitflip', 'file-faults'],
  },
  'seqnos are given out again after a recovery': {
    patches: [{ file: OPEN, find: '    kernel.exports.raiseNextSeqno(stored.nextSeqno)\n', replace: '' }],
    programs: ['crash-points'],
  },
  'what was recovered is not visible': {
    patches: [{ file: OPEN, find: '    kernel.exports.publishSeqno(stored.nextSeqno)\n', replace: '' }],
    programs: ['crash-points'],
  },
  'files that nothing names are never deleted': {
    patches: [
      {
        file: 'src/engine/keeper.ts',
        find: '    for (const name of this.#orphans) this.files.removeOrphan(name)\n',
        replace: '',
      },
    ],
    programs: ['crash-points'],
  },
  'of what follows a flush the first commit is not replayed': {
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: 'memtable.highestSeqno + 1),',
        replace: 'memtable.highestSeqno + 2),',
      },
    ],
    programs: ['crash-points'],
  },
  'the last commit before a flush is replayed over it': {
    patches: [
      {
        file: 'src/engine/flush.ts',
        find: 'memtable.highestSeqno + 1),',
        replace: 'memtable.highestSeqno),',
      },
    ],
    programs: ['crash-points'],
  },
}
