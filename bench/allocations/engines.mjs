/**
 * The engines whose allocations are compared. Opened, each has `put(key, value)`, which may return a promise, `get(key)`, and `range()`, which goes over all entries with keys and values as
 * buffers; `getView(key)`, a value that is not copied, and `putSync` where there are such calls.
 */
export const ENGINES = {
  async varve(directory) {
    const { open } = await import('../../dist/index.js')
    const db = await open(directory, { durability: 'none', keyEncoding: 'buffer', valueEncoding: 'buffer' })
    return {
      put: (key, value) => db.put(key, value),
      putSync: (key, value) => db.putSync(key, value),
      get: (key) => db.getSync(key),
      getView: (key) => db.getSlice(key),
      range: () => lengthsOf(db.rangeSync()),
      rangeOfViews: () => lengthsOf(db.rangeSync({ slices: true })),
      close: () => db.close(),
    }
  },
  async 'classic-level'(directory) {
    const { ClassicLevel } = await import('classic-level')
    const db = new ClassicLevel(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await db.open()
    return {
      put: (key, value) => db.put(key, value),
      get: (key) => db.getSync(key),
      async range() {
        const iterator = db.iterator()
        let bytes = 0
        for (;;) {
          const entries = await iterator.nextv(1000)
          if (entries.length === 0) break
          bytes += lengthsOf(entries)
        }
        await iterator.close()
        return bytes
      },
      close: () => db.close(),
    }
  },
  async lmdb(directory) {
    const { open } = await import('lmdb')
    const db = open({
      path: directory,
      encoding: 'binary',
      keyEncoding: 'binary',
      compression: false,
      noSync: true,
    })
    return {
      put: (key, value) => db.put(key, value),
      get: (key) => db.get(key),
      getView: (key) => db.getBinaryFast(key),
      range() {
        let bytes = 0
        for (const { key, value } of db.getRange()) bytes += key.length + value.length
        return bytes
      },
      close: () => db.close(),
    }
  },
}

function lengthsOf(entries) {
  let bytes = 0
  for (const [key, value] of entries) bytes += key.length + value.length
  return bytes
}
