import type { ClassicLevel as Constructor } from 'classic-level'
import type { Engine, OpenEngine, Peer } from './engine.ts'

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/\.ldb$/, 'table'],
  [/^\d+\.log$/, 'log'],
  [/^MANIFEST-/, 'manifest'],
  [/^CURRENT$/, 'CURRENT'],
]

export function classicLevel(peer: Peer): Engine {
  const { ClassicLevel } = peer.load() as { ClassicLevel: typeof Constructor }

  return {
    kindOf: (file) => KINDS.find(([pattern]) => pattern.test(file))?.[1],

    async open(directory): Promise<OpenEngine> {
      const db = new ClassicLevel<Buffer, Buffer>(directory, {
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
      })
      await db.open()
      return {
        notice: undefined,
        isCut: false,
        write: (writes, sync) =>
          db.batch(
            writes.map(({ key, value }) =>
              value === undefined ? { type: 'del', key } : { type: 'put', key, value },
            ),
            { sync },
          ),
        // NOTE: LevelDB makes a table of its log when it is opened.
        async flush() {
          await db.close()
          await db.open()
        },
        get: (key) => db.get(key),
        range: (reverse) => db.iterator({ reverse }),
        close: () => db.close(),
      }
    },
  }
}
