import { join } from 'node:path'
import { mkdirSync } from 'node:fs'

/** `isTuned`: with the settings that its users choose for speed. */
export function sqlite({ isTuned = false } = {}) {
  return {
    isSlow: true,
    durability: isTuned ? 'WAL, synchronous = NORMAL' : 'WAL, synchronous = FULL',
    async open(directory, { cacheBytes, strings }) {
      const { default: Database } = await import('better-sqlite3')
      mkdirSync(directory, { recursive: true })
      const db = new Database(join(directory, 'data.sqlite'))
      db.pragma('journal_mode = WAL')
      db.pragma(`synchronous = ${isTuned ? 'NORMAL' : 'FULL'}`)
      if (isTuned) db.pragma('mmap_size = 1073741824')
      const cacheKiB = Math.round((cacheBytes ?? (isTuned ? 256 << 20 : 2 << 20)) / 1024)
      db.pragma(`cache_size = ${-cacheKiB}`)
      const type = strings ? 'TEXT' : 'BLOB'
      db.exec(`CREATE TABLE IF NOT EXISTS kv (k ${type} PRIMARY KEY, v ${type}) WITHOUT ROWID`)
      const put = db.prepare('INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v')
      const get = db.prepare('SELECT v FROM kv WHERE k = ?').pluck()
      const remove = db.prepare('DELETE FROM kv WHERE k = ?')
      const ascending = db.prepare('SELECT k, v FROM kv ORDER BY k').raw()
      const descending = db.prepare('SELECT k, v FROM kv ORDER BY k DESC').raw()
      const from = db.prepare('SELECT k, v FROM kv WHERE k >= ? ORDER BY k LIMIT ?').raw()
      const fill = async (keys, values) => {
        for (let i = 0; i < keys.length; i++) put.run(keys[i], values[i % values.length])
      }
      return {
        fill,
        fillAwaited: fill,
        async fillBatches(keys, values, size) {
          for (let i = 0; i < keys.length;) {
            db.transaction(() => {
              for (const end = Math.min(keys.length, i + size); i < end; i++)
                put.run(keys[i], values[i % values.length])
            })()
          }
        },
        async fillSync(keys, values) {
          db.pragma('synchronous = FULL')
          await fill(keys, values)
        },
        async remove(keys) {
          for (const key of keys) remove.run(key)
        },
        put: (key, value) => void put.run(key, value),
        get: (key) => get.get(key),
        getLater: async (key) => get.get(key),
        scan(reverse) {
          let entries = 0
          let bytes = 0
          for (const [key, value] of (reverse ? descending : ascending).iterate()) {
            entries++
            bytes += key.length + value.length
          }
          return { entries, bytes }
        },
        seek: (key, count) => from.all(key, count).length,
        async settle() {
          db.pragma('wal_checkpoint(TRUNCATE)')
        },
        async compact() {
          db.exec('VACUUM')
        },
        async close() {
          db.close()
        },
      }
    },
  }
}
