export const durability = "os (`durability: 'relaxed'`)"

const NAME = 'bench-indexeddb'
const PAGE = 1000
const RELAXED = { durability: 'relaxed' }

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
const committed = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  })

export async function open() {
  const request = indexedDB.open(NAME, 1)
  request.onupgradeneeded = () => request.result.createObjectStore('entries')
  const db = await done(request)
  const store = (mode) => db.transaction('entries', mode, RELAXED).objectStore('entries')
  const write = (entries) => {
    const to = store('readwrite')
    for (const [key, value] of entries) to.put(value, key)
    to.transaction.commit()
    return committed(to.transaction)
  }
  return {
    put: (key, value) => write([[key, value]]),
    batch: write,
    get: (key) => done(store('readonly').get(key)),
    getMany(keys) {
      const from = store('readonly')
      return Promise.all(keys.map((key) => done(from.get(key))))
    },
    async scan() {
      let entries = 0
      let bytes = 0
      let after
      for (;;) {
        const from = store('readonly')
        const range = after === undefined ? undefined : IDBKeyRange.lowerBound(after, true)
        const [keys, values] = await Promise.all([
          done(from.getAllKeys(range, PAGE)),
          done(from.getAll(range, PAGE)),
        ])
        for (let i = 0; i < keys.length; i++) {
          entries++
          bytes += keys[i].byteLength + values[i].length
        }
        if (keys.length < PAGE) return { entries, bytes }
        after = keys[keys.length - 1]
      }
    },
    close: async () => db.close(),
  }
}

export const remove = () => done(indexedDB.deleteDatabase(NAME))
