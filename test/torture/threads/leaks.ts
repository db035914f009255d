import type { Patch } from './patches.ts'

/** Leaks to be seeded in the engine, which `gc-under-load` must notice. */
export const LEAKS: Readonly<Record<string, readonly Patch[]>> = {
  'the slot of a thread that left without a word is kept': [
    { file: 'src/workers/keeper-thread.ts', find: '    kernel.exports.giveSlot(slot)\n', replace: '' },
  ],
  'the snapshots of a thread that left without a word are kept': [
    { file: 'src/workers/keeper-thread.ts', find: '    snapshots.releaseOf(slot)\n', replace: '' },
  ],
  'a flushed memtable is kept now and then': [
    {
      file: 'src/engine/tree.ts',
      find: '          for (const memtable of memtables) memtable.free()\n',
      replace: '          for (const memtable of memtables) if (Math.random() > 0.1) memtable.free()\n',
    },
  ],
  'the files of tables are closed and kept': [
    { file: 'src/engine/disposal.ts', find: '          andThen(table)\n', replace: '' },
  ],
  'the files of tables are deleted and kept open': [
    { file: 'src/engine/disposal.ts', find: '          table.file.close()\n', replace: '' },
  ],
}
