import { destroy, open as openDatabase } from '../../dist/browser.js'

export const durability = "os: kept when the browser is killed (`durability: 'os'`)"

export async function open() {
  const db = await openDatabase('bench-varve')
  const isHere = typeof document === 'undefined'
  return {
    put: (key, value) => db.put(key, value),
    batch(entries) {
      const batch = db.batch()
      for (const [key, value] of entries) batch.put(key, value)
      return batch.commit()
    },
    get: (key) => db.get(key),
    getMany: (keys) => Promise.all(keys.map((key) => db.get(key))),
    ...(isHere && { getNow: (key) => db.getSync(key) }),
    async scan() {
      let entries = 0
      let bytes = 0
      const add = (key, value) => {
        entries++
        bytes += key.length + value.length
      }
      if (isHere) for (const [key, value] of db.rangeSync()) add(key, value)
      else for await (const [key, value] of db.range()) add(key, value)
      return { entries, bytes }
    },
    close: () => db.close(),
  }
}

export const remove = () => destroy('bench-varve')
