import { randomSource } from '../data.mjs'
import { timed } from '../measure.mjs'
import { zipfian } from './zipfian.mjs'

const BATCH = 1000
const SEEK_ENTRIES = 10
const SCAN_ENTRIES_MAX = 100

/**
 * db_bench's workloads, and YCSB's. `isLoaded`: the database holds all entries before the clock starts. `run(db, data)` measures: milliseconds to the last acknowledgement, and how many
 * operations that were. `scale`: so much of the entries' number of operations. `needs`: a call that an engine may lack. `best`: the engines of the ratio, else all that are persistent.
 */
export const WORKLOADS = {
  fillseq: {
    bar: 1.2,
    run: (db, { sequential, values }) => all(() => db.fill(sequential, values), sequential),
  },
  fillrandom: { bar: 3, run: (db, { shuffled, values }) => all(() => db.fill(shuffled, values), shuffled) },
  'fillrandom-await': {
    scale: 0.1,
    run: (db, { some, values }) => all(() => db.fillAwaited(some, values), some),
  },
  fillbatch: {
    bar: 2,
    run: (db, { shuffled, values }) => all(() => db.fillBatches(shuffled, values, BATCH), shuffled),
  },
  fillsync: {
    bar: 0.9,
    scale: 0.002,
    run: (db, { some, values }) => all(() => db.fillSync(some, values), some),
  },
  overwrite: {
    bar: 2.5,
    isLoaded: true,
    run: (db, { shuffled, values }) => all(() => db.fill(shuffled, values), shuffled),
  },
  deleterandom: {
    bar: 2.5,
    isLoaded: true,
    run: (db, { shuffled }) => all(() => db.remove(shuffled), shuffled),
  },
  readrandom: { bar: 1.5, isLoaded: true, isWarm: true, run: (db, { shuffled }) => reads(db, shuffled) },
  'readrandom-fast': {
    bar: 1.3,
    isLoaded: true,
    isWarm: true,
    needs: 'getFast',
    run: (db, { shuffled }) => reads({ get: db.getFast }, shuffled),
  },
  'readrandom-await': {
    scale: 0.2,
    isLoaded: true,
    isWarm: true,
    run: (db, { some }) => all(() => awaited(db, some), some),
  },
  'readrandom-8MiB': { isLoaded: true, cacheBytes: 8 << 20, run: (db, { shuffled }) => reads(db, shuffled) },
  readmissing: {
    bar: 1.5,
    isLoaded: true,
    isWarm: true,
    run: (db, { missing }) => reads(db, missing, false),
  },
  readseq: { bar: 2, isLoaded: true, isWarm: true, run: (db, data) => scan(db, data, false) },
  readreverse: { bar: 2, isLoaded: true, isWarm: true, run: (db, data) => scan(db, data, true) },
  seekrandom: { bar: 3, scale: 0.1, isLoaded: true, isWarm: true, run: (db, { some }) => seeks(db, some) },
  readwhilewriting: {
    bar: 2,
    isLoaded: true,
    isWarm: true,
    run: (db, data) => mixed(db, data, { read: 0.9, update: 0.1 }, () => uniform(data)),
  },
  'ycsb-a': ycsb(1.5, { read: 0.5, update: 0.5 }),
  'ycsb-b': ycsb(1.5, { read: 0.95, update: 0.05 }),
  'ycsb-c': ycsb(1.5, { read: 1 }),
  'ycsb-d': ycsb(1.5, { read: 0.95, insert: 0.05 }),
  'ycsb-e': ycsb(3, { scan: 0.95, insert: 0.05 }, 0.1),
  'ycsb-f': ycsb(1.5, { read: 0.5, change: 0.5 }),
}

function ycsb(bar, mix, scale = 1) {
  return {
    bar,
    scale,
    isLoaded: true,
    isWarm: true,
    run: (db, data) => mixed(db, data, mix, () => zipfian(data.shuffled.length, 7)),
  }
}

async function all(step, keys) {
  return { operations: keys.length, ms: await timed(step) }
}

async function reads(db, keys, isThere = true) {
  let found = 0
  const ms = await timed(async () => {
    if (db.get === undefined) {
      // NOTE: an engine without a synchronous read has as many in flight as writes are.
      for (let i = 0; i < keys.length; i += BATCH) {
        const got = await Promise.all(keys.slice(i, i + BATCH).map((key) => db.getLater(key)))
        for (const value of got) if (value !== undefined) found++
      }
      return
    }
    for (let i = 0; i < keys.length; i++) if (db.get(keys[i]) !== undefined) found++
  })
  if (found !== (isThere ? keys.length : 0)) throw new Error(`${found} of ${keys.length} were found`)
  return { operations: keys.length, ms }
}

async function awaited(db, keys) {
  for (let i = 0; i < keys.length; i++)
    if ((await db.getLater(keys[i])) === undefined) throw new Error('a key is missing')
}

async function scan(db, { sequential }, reverse) {
  let entries = 0
  const ms = await timed(async () => ({ entries } = await db.scan(reverse)))
  if (entries !== sequential.length) throw new Error(`${entries} entries instead of ${sequential.length}`)
  return { operations: entries, ms }
}

async function seeks(db, keys) {
  let entries = 0
  const ms = await timed(async () => {
    for (let i = 0; i < keys.length; i++) {
      const found = db.seek(keys[i], SEEK_ENTRIES)
      entries += typeof found === 'number' ? found : await found
    }
  })
  if (entries < keys.length) throw new Error('a seek found nothing')
  return { operations: keys.length, ms }
}

function uniform({ shuffled }) {
  const random = randomSource(11)
  return () => Math.floor(random() * shuffled.length)
}

/** A mix of operations, one after the other; writes are acknowledged at the end, as many in flight as come together until then. */
async function mixed(db, { keys, values, fresh, some }, mix, keysOf) {
  const next = keysOf()
  const random = randomSource(13)
  const kinds = Object.entries(mix)
  const operations = some.length
  let inserted = 0
  let pending = []
  const write = (key, value) => {
    const done = db.put(key, value)
    if (done !== undefined) pending.push(done)
  }
  const ms = await timed(async () => {
    for (let i = 0; i < operations; i++) {
      let choice = random()
      const kind = (kinds.find(([, part]) => (choice -= part) < 0) ?? kinds[0])[0]
      const key = keys[next()]
      const value = values[i % values.length]
      if (kind === 'read') {
        const got = db.get === undefined ? await db.getLater(key) : db.get(key)
        if (got === undefined) throw new Error('a key is missing')
      } else if (kind === 'update') write(key, value)
      else if (kind === 'insert') write(fresh[inserted++ % fresh.length], value)
      else if (kind === 'change') {
        if ((db.get === undefined ? await db.getLater(key) : db.get(key)) === undefined)
          throw new Error('a key is missing')
        write(key, value)
      } else {
        const found = db.seek(key, 1 + Math.floor(random() * SCAN_ENTRIES_MAX))
        if (typeof found !== 'number') await found
      }
      if (pending.length >= BATCH) {
        await Promise.all(pending)
        pending = []
      }
    }
    await Promise.all(pending)
  })
  return { operations, ms }
}
