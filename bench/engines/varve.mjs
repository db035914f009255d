import { bytesToCompact, settled } from './settled.mjs'
import { inFlightInOrder, inFlightOf, unbounded } from './in-flight.mjs'

/** All memory for each byte of the cache: it also holds memtables, which others have beside their cache, and pinned indexes and filters. */
const MEMORY_PER_CACHE = 2

/** `isSync`: single writes by `putSync`, else by `put`, many in flight. `threads`: option of open. */
export function varve({ isSync = false, threads = 1 } = {}) {
  return {
    durability: "'os': write(2) before the acknowledgement",
    threads,
    async open(directory, { cacheBytes, strings, memoryLimit }) {
      const { open } = await import('../../dist/index.js')
      const encoding = strings ? 'utf8' : 'buffer'
      const db = await open(directory, {
        keyEncoding: encoding,
        valueEncoding: encoding,
        threads,
        memoryLimit: cacheBytes === undefined ? memoryLimit : cacheBytes * MEMORY_PER_CACHE,
      })
      return {
        async fill(keys, values) {
          const write = (i) => db.put(keys[i], values[i % values.length])
          if (!isSync) return inFlightInOrder(keys.length, write, inFlightOf(values))
          for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i % values.length])
        },
        fillUnbounded: isSync
          ? undefined
          : (keys, values) => unbounded(keys.length, (i) => db.put(keys[i], values[i % values.length])),
        async fillAwaited(keys, values) {
          for (let i = 0; i < keys.length; i++) await db.put(keys[i], values[i % values.length])
        },
        async fillBatches(keys, values, size) {
          for (let i = 0; i < keys.length;) {
            const batch = db.batch()
            for (const end = Math.min(keys.length, i + size); i < end; i++)
              batch.put(keys[i], values[i % values.length])
            if (isSync) batch.commitSync()
            else await batch.commit()
          }
        },
        async fillSync(keys, values) {
          const durable = { durability: 'sync' }
          for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i % values.length], durable)
        },
        async remove(keys) {
          if (!isSync) return inFlightInOrder(keys.length, (i) => db.delete(keys[i]))
          for (const key of keys) db.deleteSync(key)
        },
        put: (key, value) => (isSync ? db.putSync(key, value) : db.put(key, value)),
        get: (key) => db.getSync(key),
        getLater: (key) => db.get(key),
        getFast: (key) => db.getSlice(key)?.length,
        scan(reverse) {
          let entries = 0
          let bytes = 0
          for (const [key, value] of db.rangeSync({ reverse })) {
            entries++
            bytes += key.length + value.length
          }
          return { entries, bytes }
        },
        seek(key, count) {
          let entries = 0
          for (const [, value] of db.rangeSync({ gte: key, limit: count })) if (value.length > 0) entries++
          return entries
        },
        bytesToCompact: () => bytesToCompact(db),
        async settle() {
          await db.flush()
          await settled(db)
        },
        compact: () => db.compact(),
        close: () => db.close(),
      }
    },
  }
}
