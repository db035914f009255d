import { level } from './level.mjs'
import { lmdb } from './lmdb.mjs'
import { sqlite } from './sqlite.mjs'
import { varve } from './varve.mjs'

/**
 * The engines that are compared, one small interface over each: `open(directory, { cacheBytes, strings, memoryLimit, isDurable })` gives what the workloads call; peers that have no limit of their memory
 * leave `memoryLimit` alone. Each writes single entries by its fastest way. `durability`: what a write without more words promises. `threads`: those it starts in JavaScript.
 */
export const ENGINES = {
  varve: varve(),
  'varve-sync': varve({ isSync: true }),
  'varve-alone': varve({ threads: 0 }),
  'classic-level': level({
    durability: 'os',
    constructorOf: async () => (await import('classic-level')).ClassicLevel,
    hasGetSync: true,
  }),
  rocksdb: level({ durability: 'os', constructorOf: rocksdb }),
  lmdb: lmdb(),
  'lmdb-safe': lmdb({ isSafe: true }),
  sqlite: sqlite(),
  'sqlite-tuned': sqlite({ isTuned: true }),
  'memory-level': level({
    durability: 'none: it has no files',
    constructorOf: async () => (await import('memory-level')).MemoryLevel,
    hasGetSync: true,
    isVolatile: true,
  }),
}

/** The binding of the level family is of the abstract-leveldown generation; levelup and encoding-down give it promises. */
async function rocksdb() {
  const [{ default: levelup }, { default: encode }, { default: binding }] = await Promise.all([
    import('levelup'),
    import('encoding-down'),
    import('rocksdb'),
  ])
  return class {
    #db
    #directory
    #options

    constructor(directory, options) {
      this.#directory = directory
      const binary = options.keyEncoding === 'buffer' ? 'binary' : 'utf8'
      this.#options = { ...options, keyEncoding: binary, valueEncoding: binary }
    }

    async open() {
      this.#db = levelup(encode(binding(this.#directory), this.#options), this.#options)
      await this.#db.open()
    }

    put(key, value, options) {
      return this.#db.put(key, value, options)
    }

    get(key) {
      return this.#db.get(key).catch((error) => {
        if (error.notFound) return undefined
        throw error
      })
    }

    del(key) {
      return this.#db.del(key)
    }

    batch() {
      return this.#db.batch()
    }

    iterator(options) {
      const iterator = this.#db.iterator(options)
      const next = () =>
        new Promise((resolve, reject) =>
          iterator.next((error, key, value) =>
            error ? reject(error) : resolve(key === undefined ? undefined : [key, value]),
          ),
        )
      return {
        async nextv(count) {
          const entries = []
          while (entries.length < count) {
            const entry = await next()
            if (entry === undefined) break
            entries.push(entry)
          }
          return entries
        },
        close: () =>
          new Promise((resolve, reject) => iterator.end((error) => (error ? reject(error) : resolve()))),
      }
    }

    close() {
      return this.#db.close()
    }
  }
}
