import { open } from '../../../src/index.ts'
import type { Engine, OpenEngine } from './engine.ts'

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\.sst$/, 'table'],
  [/\.wal$/, 'log'],
  [/\.man$/, 'manifest'],
  [/^superblock-/, 'superblock'],
]

export const varve: Engine = {
  kindOf: (file) => KINDS.find(([pattern]) => pattern.test(file))?.[1],

  async open(directory): Promise<OpenEngine> {
    const db = await open(directory)
    const { recovery } = db
    return {
      notice: recovery.reason === '' ? undefined : JSON.stringify(recovery),
      isCut: recovery.droppedBytes > 0,
      async write(writes, sync) {
        const batch = db.batch()
        for (const { key, value } of writes) {
          if (value === undefined) batch.delete(key)
          else batch.put(key, value)
        }
        await batch.commit(sync ? { durability: 'sync' } : {})
      },
      flush: () => db.flush(),
      get: (key) => db.get(key),
      range: (reverse) => db.range({ reverse }),
      close: () => db.close(),
    }
  },
}
