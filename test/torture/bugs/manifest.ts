import type { Bugs } from './bug.ts'

const CATALOG = 'src/engine/catalog.ts'
const SUPERBLOCK_WRITER = 'src/version/superblock-writer.ts'
const KEYSPACES = 'src/engine/keyspaces.ts'

/** What the manifest and the superblock say, and in which order that becomes durable. */
export const MANIFEST_BUGS: Bugs = {
  'both copies of the superblock are written without a sync': {
    field: 2,
    patches: [
      {
        file: SUPERBLOCK_WRITER,
        find: '        this.#put(superblock).sync()\n',
        replace: '        this.#put(superblock)\n',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'a fresh manifest is named before it is durable': {
    field: 2,
    patches: [
      {
        file: CATALOG,
        find: '      manifest.sync()\n      // NOTE: at creation',
        replace: '      // NOTE: at creation',
      },
      {
        file: CATALOG,
        find: 'manifestLength: manifest.durableLength,',
        replace: 'manifestLength: manifest.length,',
      },
      {
        file: CATALOG,
        find: 'manifestChain: manifest.durableChain,',
        replace: 'manifestChain: manifest.chain,',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'half a frame of the manifest stays on a full disk': {
    field: 30,
    patches: [
      { file: 'src/version/manifest.ts', find: '      this.#file.truncate(end.length)\n', replace: '' },
    ],
    programs: ['io-errors'],
  },
  'edits of the manifest are not synced': {
    patches: [
      {
        file: CATALOG,
        find: '      this.#deferred = []\n      this.#writer().sync()\n',
        replace: '      this.#deferred = []\n',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'names in the directory are not synced': {
    patches: [
      {
        file: 'src/engine/keeper.ts',
        find: '      this.files.syncDirectory()\n',
        replace: '',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'the older copy of the superblock is chosen': {
    patches: [
      {
        file: 'src/version/superblock.ts',
        find: '  const isNewer = a.generation > b.generation\n',
        replace: '  const isNewer = a.generation < b.generation\n',
      },
    ],
    programs: ['file-faults'],
  },
  'the old manifest goes before the superblock names the new one': {
    patches: [
      {
        file: CATALOG,
        find: '    this.coverBySuperblock()\n    if (oldId !== 0) files.removeOrphan(manifestFileName(oldId))\n',
        replace:
          '    if (oldId !== 0) files.removeOrphan(manifestFileName(oldId))\n    this.coverBySuperblock()\n',
      },
    ],
    programs: ['crash-points', 'durability-audit'],
  },
  'the first superblock is written before its names are durable': {
    patches: [
      {
        file: SUPERBLOCK_WRITER,
        find: '      await fs.syncDirectory()\n      const generation = ',
        replace: '      const generation = ',
      },
    ],
    programs: ['bounded-exhaustive', 'crash-points'],
  },
  'a keyspace is dropped before what was written is durable': {
    patches: [
      {
        file: KEYSPACES,
        find: '  keeper.journals.sync()\n  keeper.flusher.cancel(tree)\n',
        replace: '  keeper.flusher.cancel(tree)\n',
      },
    ],
    programs: ['bounded-exhaustive', 'durability-audit'],
    explained: 'the model lets a commit be lost though a keyspace that was dropped after it is gone',
  },
  'a keyspace is dropped in memory only': {
    field: 12,
    patches: [
      {
        file: KEYSPACES,
        find: "  keeper.catalog.log([{ type: 'keyspaceDropped', id: tree.id }])\n",
        replace: '',
      },
    ],
    programs: ['bounded-exhaustive'],
  },
  'the flushed seqno is not logged': {
    patches: [
      {
        file: 'src/engine/table-commit.ts',
        find: "        : [{ type: 'flushedSeqno', keyspaceId: tree.id, seqno: flushedSeqno } as const]),\n",
        replace: '        : []),\n',
      },
    ],
    programs: ['crash-points'],
  },
}
