import { PageBatch } from './batch.ts'
import { PageDatabase } from './database.ts'
import { PageKeyspace } from './keyspace.ts'
import { onPagesNot, PageReads } from './reads.ts'

/** What the engine's API can do at once, and a page cannot: it says so, where a missing function would leave one guessing. */
const SYNCHRONOUS: readonly (readonly [object, readonly string[]])[] = [
  [
    PageReads.prototype,
    [
      'getSync',
      'getSlice',
      'getManySync',
      'hasSync',
      'sizeOfSync',
      'rangeSync',
      'keysSync',
      'valuesSync',
      'firstSync',
      'lastSync',
      'countSync',
      'isEmptySync',
      'approximateCountSync',
      'approximateSizeSync',
    ],
  ],
  [
    PageKeyspace.prototype,
    ['putSync', 'deleteSync', 'deleteWeakSync', 'flushSync', 'clearSync', 'dropRangeSync', 'compactSync'],
  ],
  [PageDatabase.prototype, ['keyspaceSync', 'dropKeyspaceSync', 'writeSync', 'share']],
  [PageBatch.prototype, ['commitSync']],
]

export function refuseSyncTwins(): void {
  for (const [prototype, names] of SYNCHRONOUS) {
    for (const name of names) {
      if (Object.hasOwn(prototype, name)) continue
      const value = (): never => {
        throw onPagesNot(`${name}()`)
      }
      Object.defineProperty(prototype, name, { value, configurable: true, writable: true })
    }
  }
}
