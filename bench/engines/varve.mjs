import { open } from '../../dist/index.js'

const IN_FLIGHT = 1000

/** `way`: the calls that are measured: 'sync', or 'async'. `threads`: option of open. */
export function varve({ way = 'sync', threads } = {}) {
  return {
    durability: 'os',
    async open(directory, { cacheBytes, strings, memoryLimit, isolatedSync }) {
      const encoding = strings ? 'utf8' : 'buffer'
      const db = await open(directory, {
        keyEncoding: encoding,
        valueEncoding: encoding,
        memoryLimit:
          memoryLimit ?? (cacheBytes === undefined ? undefined : Math.max(64 << 20, 4 * cacheBytes)),
        ...(threads === undefined ? {} : { threads }),
      })
      const isAsync = way === 'async'
      return {
        async fill(keys, values) {
          if (!isAsync) {
            for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i % values.length])
            return
          }
          for (let i = 0; i < keys.length;) {
            const end = Math.min(keys.length, i + IN_FLIGHT)
            const puts = []
            for (; i < end; i++) puts.push(db.put(keys[i], values[i % values.length]))
            await Promise.all(puts)
          }
        },
        async fillAwaited(keys, values) {
          for (let i = 0; i < keys.length; i++) await db.put(keys[i], values[i % values.length])
        },
        async fillBatches(keys, values, size) {
          for (let i = 0; i < keys.length;) {
            const batch = db.batch()
            for (const end = Math.min(keys.length, i + size); i < end; i++)
              batch.put(keys[i], values[i % values.length])
            if (isAsync) await batch.commit()
            else batch.commitSync()
          }
        },
        async fillSync(keys, values) {
          const durable = { durability: 'sync' }
          for (let i = 0; i < keys.length; i++) {
            if (isolatedSync) await db.put(keys[i], values[i % values.length], durable)
            else db.putSync(keys[i], values[i % values.length], durable)
          }
        },
        async remove(keys) {
          if (!isAsync) {
            for (const key of keys) db.deleteSync(key)
            return
          }
          for (let i = 0; i < keys.length;) {
            const end = Math.min(keys.length, i + IN_FLIGHT)
            const deletes = []
            for (; i < end; i++) deletes.push(db.delete(keys[i]))
            await Promise.all(deletes)
          }
        },
        put: (key, value) => db.putSync(key, value),
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
        async settle() {
          await db.flush()
          await db.compact({ gte: '~~~~', lt: '~~~~~' }).catch(() => undefined)
        },
        compact: () => db.compact(),
        close: () => db.close(),
      }
    },
  }
}
