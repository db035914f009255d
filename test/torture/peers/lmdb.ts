import type { Engine, OpenEngine, Peer } from './engine.ts'

/** What is used of lmdb, which the root of the project does not depend on. */
interface Lmdb {
  open(
    this: void,
    options: { path: string; keyEncoding: 'binary'; encoding: 'binary' },
  ): {
    readonly flushed: Promise<unknown>
    transactionSync(action: () => void): void
    putSync(key: Buffer, value: Buffer): void
    removeSync(key: Buffer): void
    get(key: Buffer): Buffer | undefined
    getRange(options: { reverse: boolean }): Iterable<{ key: Buffer; value: Buffer }>
    close(): Promise<void>
  }
}

export function lmdb(peer: Peer): Engine {
  const { open } = peer.load() as Lmdb

  return {
    kindOf: (file) => (file === 'data.mdb' ? 'data' : undefined),

    async open(directory): Promise<OpenEngine> {
      const db = open({ path: directory, keyEncoding: 'binary', encoding: 'binary' })
      return {
        notice: undefined,
        isCut: false,
        // A transaction is durable when it is flushed; there is no log.
        async write(writes) {
          db.transactionSync(() => {
            for (const { key, value } of writes) {
              if (value === undefined) db.removeSync(key)
              else db.putSync(key, value)
            }
          })
          await db.flushed
        },
        async flush() {
          await db.flushed
        },
        get: async (key) => db.get(key),
        async *range(reverse) {
          for (const { key, value } of db.getRange({ reverse })) yield [key, value]
        },
        close: () => db.close(),
      }
    },
  }
}
