import { inFlight, inFlightOf } from './in-flight.mjs'

/** As much as varve may have; their own default is 8 MiB. */
const CACHE_BYTES = 256 << 20

/** An engine with the interface of abstract-level. `options`: those of its `open`; `hasGetSync`: it has the call. */
export function level({ durability, constructorOf, options = {}, hasGetSync, isVolatile = false }) {
  return {
    durability,
    isVolatile,
    async open(directory, { cacheBytes = CACHE_BYTES, strings }) {
      const Level = await constructorOf()
      const encoding = strings ? 'utf8' : 'buffer'
      const db = new Level(...(isVolatile ? [] : [directory]), {
        keyEncoding: encoding,
        valueEncoding: encoding,
        cacheSize: cacheBytes,
        ...options,
      })
      await db.open()
      return {
        fill: (keys, values) =>
          inFlight(keys.length, (i) => db.put(keys[i], values[i % values.length]), inFlightOf(values)),
        async fillAwaited(keys, values) {
          for (let i = 0; i < keys.length; i++) await db.put(keys[i], values[i % values.length])
        },
        async fillBatches(keys, values, size) {
          for (let i = 0; i < keys.length;) {
            const batch = db.batch()
            for (const end = Math.min(keys.length, i + size); i < end; i++)
              batch.put(keys[i], values[i % values.length])
            await batch.write()
          }
        },
        async fillSync(keys, values) {
          for (let i = 0; i < keys.length; i++)
            await db.put(keys[i], values[i % values.length], { sync: true })
        },
        remove: (keys) => inFlight(keys.length, (i) => db.del(keys[i])),
        put: (key, value) => db.put(key, value),
        get: hasGetSync ? (key) => db.getSync(key) : undefined,
        getLater: (key) => db.get(key),
        async scan(reverse) {
          let entries = 0
          let bytes = 0
          const iterator = db.iterator({ reverse })
          for (;;) {
            const some = await iterator.nextv(1000)
            if (some.length === 0) break
            for (const [key, value] of some) bytes += key.length + value.length
            entries += some.length
          }
          await iterator.close()
          return { entries, bytes }
        },
        async seek(key, count) {
          const iterator = db.iterator({ gte: key, limit: count })
          const some = await iterator.nextv(count)
          await iterator.close()
          return some.length
        },
        async settle() {},
        async compact() {
          if (db.compactRange !== undefined)
            await db.compactRange(strings ? ' ' : Buffer.from(' '), strings ? '~' : Buffer.from('~'))
        },
        close: () => db.close(),
      }
    },
  }
}
