import { BrowserLevel } from 'browser-level'

export const durability = 'os (IndexedDB, relaxed)'

const NAME = 'bench-browser-level'

export async function open() {
  const db = new BrowserLevel(NAME, { keyEncoding: 'view', valueEncoding: 'view' })
  await db.open()
  return {
    put: (key, value) => db.put(key, value),
    batch: (entries) => db.batch(entries.map(([key, value]) => ({ type: 'put', key, value }))),
    get: (key) => db.get(key),
    getMany: (keys) => Promise.all(keys.map((key) => db.get(key))),
    async scan() {
      let entries = 0
      let bytes = 0
      const iterator = db.iterator()
      for (;;) {
        const some = await iterator.nextv(1000)
        if (some.length === 0) break
        for (const [key, value] of some) {
          entries++
          bytes += key.length + value.length
        }
      }
      await iterator.close()
      return { entries, bytes }
    },
    close: () => db.close(),
  }
}

export const remove = async () => BrowserLevel.destroy?.(NAME)
