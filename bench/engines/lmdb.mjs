import { inFlightInOrder, inFlightOf, unbounded } from './in-flight.mjs'

/** `isSafe`: with its default durability; else with `noSync`. */
export function lmdb({ isSafe = false } = {}) {
  return {
    durability: isSafe ? 'as it is by default: written and synced in the background' : 'noSync',
    async open(directory, { strings, isDurable }) {
      const { open } = await import('lmdb')
      const db = open({
        path: directory,
        encoding: strings ? 'string' : 'binary',
        keyEncoding: strings ? undefined : 'binary',
        compression: false,
        noSync: !isSafe && !isDurable,
        mapSize: 4 << 30,
      })
      return {
        fill: (keys, values) =>
          inFlightInOrder(keys.length, (i) => db.put(keys[i], values[i % values.length]), inFlightOf(values)),
        fillUnbounded: (keys, values) =>
          unbounded(keys.length, (i) => db.put(keys[i], values[i % values.length])),
        async fillAwaited(keys, values) {
          for (let i = 0; i < keys.length; i++) await db.put(keys[i], values[i % values.length])
        },
        async fillBatches(keys, values, size) {
          for (let i = 0; i < keys.length;) {
            const end = Math.min(keys.length, i + size)
            await db.transaction(() => {
              for (; i < end; i++) db.put(keys[i], values[i % values.length])
            })
          }
        },
        async fillSync(keys, values) {
          for (let i = 0; i < keys.length; i++) {
            await db.put(keys[i], values[i % values.length])
            await db.flushed
          }
        },
        remove: (keys) => inFlightInOrder(keys.length, (i) => db.remove(keys[i])),
        put: (key, value) => db.put(key, value),
        get: (key) => db.get(key),
        getLater: async (key) => db.get(key),
        getFast: strings ? undefined : (key) => db.getBinaryFast(key)?.length,
        scan(reverse) {
          let entries = 0
          let bytes = 0
          for (const { key, value } of db.getRange({ reverse })) {
            entries++
            bytes += key.length + value.length
          }
          return { entries, bytes }
        },
        seek(key, count) {
          let entries = 0
          for (const { value } of db.getRange({ start: key, limit: count })) if (value.length > 0) entries++
          return entries
        },
        settle: async () => void (await db.flushed),
        async compact() {},
        close: () => db.close(),
      }
    },
  }
}
