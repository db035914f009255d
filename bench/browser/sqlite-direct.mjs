/** SQLite on a pool of files of the origin private file system, in this worker. */
const MODULE = '/sqlite/index.mjs'

export const durability = 'os (sahpool, `synchronous=off`, `locking_mode=exclusive`)'

let pool

async function poolOf() {
  if (pool !== undefined) return pool
  const { default: init } = await import(/* @vite-ignore */ MODULE)
  const sqlite = await init()
  pool = await sqlite.installOpfsSAHPoolVfs({ name: 'bench', directory: '/bench-sqlite' })
  return pool
}

export async function open() {
  const { OpfsSAHPoolDb } = await poolOf()
  const db = new OpfsSAHPoolDb('/entries.db')
  db.exec(
    'PRAGMA locking_mode=exclusive; PRAGMA journal_mode=truncate; PRAGMA synchronous=off; PRAGMA cache_size=-65536',
  )
  db.exec('CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID')
  const insert = db.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)')
  const select = db.prepare('SELECT value FROM entries WHERE key = ?')
  const putNow = (key, value) => insert.bind(1, key).bind(2, value).stepReset()
  const getNow = (key) => {
    select.bind(1, key)
    const value = select.step() ? select.get(0) : undefined
    select.reset()
    return value
  }
  const after = db.prepare('SELECT key, value FROM entries WHERE key > ? ORDER BY key LIMIT ?')
  const page = (from, limit) => {
    const found = []
    after.bind(1, from).bind(2, limit)
    while (after.step()) found.push(after.get([]))
    after.reset()
    return found
  }
  const batchNow = (entries) => {
    db.exec('BEGIN')
    for (const [key, value] of entries) putNow(key, value)
    db.exec('COMMIT')
  }
  return {
    put: async (key, value) => putNow(key, value),
    batch: async (entries) => batchNow(entries),
    get: async (key) => getNow(key),
    getMany: async (keys) => keys.map(getNow),
    getNow,
    page,
    async scan() {
      let entries = 0
      let bytes = 0
      const all = db.prepare('SELECT key, value FROM entries ORDER BY key')
      while (all.step()) {
        entries++
        bytes += all.get(0).length + all.get(1).length
      }
      all.finalize()
      return { entries, bytes }
    },
    async close() {
      for (const statement of [insert, select, after]) statement.finalize()
      db.close()
    },
  }
}

export async function remove() {
  await (await poolOf()).removeVfs()
  pool = undefined
}
