const IN_FLIGHT = 1000

/** An engine with the interface of abstract-level. `options`: those of its `open`; `hasGetSync`: it has the call. */
export function level({ durability, constructorOf, options = {}, hasGetSync, isPersistent = true }) {
  return {
    durability,
    async open(directory, { cacheBytes, strings }) {
      const Level = await constructorOf()
      const encoding = strings ? 'utf8' : 'buffer'
      const db = new Level(...(isPersistent ? [directory] : []), {
        keyEncoding: encoding,
        valueEncoding: encoding,
        ...(cacheBytes === undefined ? {} : { cacheSize: cacheBytes }),
        ...options,
      })
      await db.open()
      const inFlight = async (count, step) => {
        for (let i = 0; i < count;) {
          const end = Math.min(count, i + IN_FLIGHT)
          const calls = []
          for (; i < end; i++) calls.push(step(i))
          await Promise.all(calls)
        }
      }
      return {
        fill: (keys, values) => inFlight(keys.length, (i) => db.put(keys[i], values[i % values.length])),
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
        isPutAsync: true,
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
