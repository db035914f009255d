import { randomSource } from '../data.mjs'
import { timed } from '../measure.mjs'
import { latest, zipfian } from './zipfian.mjs'

/** How many the database has, where nothing else is said. */
export const ENTRIES = 1_000_000
const MIB = 1 << 20
const BATCH = 1000
const SEEK_ENTRIES = 10
const SCAN_ENTRIES_MAX = 100
/** Keys that exist at a time where the memory is measured. */
const CHUNK_ENTRIES = 10_000

/**
 * db_bench's workloads, and YCSB's. `run(db, data)` measures: milliseconds to the last acknowledgement, and how many operations that were; where `value` takes the line's value of all
 * figures (`unit`, less is better), it only does what is measured.
 * `isLoaded`: the database holds all entries before; `isWarm`: it was read once; `isEvicted`: its files are in no page cache.
 * `entries`, `valueBytes`: instead of ENTRIES of 100 bytes. `scale`: so much of the entries' number of operations; `slow`: so many fewer with engines that would take minutes.
 * Single writes come with 1,000 in flight, or 32 MiB, for every engine alike; `unbounded`: none is awaited but the last.
 * `isDurable`: each write is on the disk before the next. `needs`: a call that an engine may lack. `bars`: what the rate of varve is held to: `least` × the best of `peers` (else of all); `most` is an absolute value, of it or of what `limit` says.
 */
export const WORKLOADS = {
  fillseq: {
    bars: [{ least: 1.2 }],
    run: (db, { keys, values }) => all(() => db.fill(keys, values), keys),
  },
  fillrandom: { bars: [{ least: 3 }], slow: 5, run: fillRandom },
  'fillrandom, 64 MiB of memory': { bars: [{ least: 2 }], slow: 5, memoryLimit: 64 * MIB, run: fillRandom },
  'fillrandom, unbounded': {
    needs: 'fillUnbounded',
    run: (db, { some, values }) => all(() => db.fillUnbounded(some, values), some),
  },
  'fillrandom, each awaited': {
    scale: 0.1,
    run: (db, { some, values }) => all(() => db.fillAwaited(some, values), some),
  },
  fillbatch: {
    bars: [{ least: 2 }],
    run: (db, { shuffled, values }) => all(() => db.fillBatches(shuffled, values, BATCH), shuffled),
  },
  fillsync: {
    bars: [{ least: 0.9 }],
    scale: 0.002,
    isDurable: true,
    run: (db, { some, values }) => all(() => db.fillSync(some, values), some),
  },
  overwrite: { bars: [{ least: 2.5 }], slow: 5, isLoaded: true, run: fillRandom },
  deleterandom: {
    bars: [{ least: 2.5 }],
    slow: 5,
    isLoaded: true,
    run: (db, { some }) => all(() => db.remove(some), some),
  },
  readrandom: { bars: [{ least: 1.5 }], isLoaded: true, isWarm: true, run: readRandom },
  'readrandom, views': {
    bars: [{ least: 1.3 }],
    isLoaded: true,
    isWarm: true,
    needs: 'getFast',
    run: (db, { shuffled }) => reads({ get: db.getFast }, shuffled),
  },
  'readrandom, awaited': {
    scale: 0.2,
    isLoaded: true,
    isWarm: true,
    run: (db, { some }) => all(() => awaited(db, some), some),
  },
  'readrandom, 8 MiB cache': {
    bars: [
      { least: 1, peers: ['classic-level', 'rocksdb'] },
      { least: 0.4, peers: ['lmdb'] },
    ],
    scale: 0.5,
    isLoaded: true,
    cacheBytes: 8 * MIB,
    run: (db, { some }) => reads(db, some),
  },
  'readrandom, files evicted': {
    scale: 0.05,
    isLoaded: true,
    isEvicted: true,
    run: (db, { some }) => reads(db, some),
  },
  readmissing: {
    bars: [{ least: 1.5 }],
    isLoaded: true,
    isWarm: true,
    run: (db, { missing }) => reads(db, missing, false),
  },
  readseq: {
    bars: [{ least: 2 }],
    barsOfStrings: [{ least: 1.3 }],
    isLoaded: true,
    isWarm: true,
    run: (db, data) => scan(db, data, false),
  },
  readreverse: {
    bars: [{ least: 2 }],
    barsOfStrings: [{ least: 1.3 }],
    isLoaded: true,
    isWarm: true,
    run: (db, data) => scan(db, data, true),
  },
  seekrandom: {
    bars: [{ least: 3 }],
    scale: 0.1,
    isLoaded: true,
    isWarm: true,
    run: (db, { some }) => seeks(db, some),
  },
  readwhilewriting: {
    bars: [{ least: 2 }],
    isLoaded: true,
    isWarm: true,
    run: (db, data) => mixed(db, data, { read: 0.9, update: 0.1 }, () => uniform(data)),
  },
  'YCSB A': ycsb(1.5, { read: 0.5, update: 0.5 }),
  'YCSB B': ycsb(1.5, { read: 0.95, update: 0.05 }),
  'YCSB C': ycsb(1.5, { read: 1 }),
  'YCSB D': ycsb(1.5, { read: 0.95, insert: 0.05 }, 1, latest),
  'YCSB E': ycsb(3, { scan: 0.95, insert: 0.05 }, 0.05),
  'YCSB F': ycsb(1.5, { read: 0.5, change: 0.5 }),
  ...largeValues('4 KiB', 4096, 50_000),
  ...largeValues('1 MiB', MIB, 200),
  'open, with its import': {
    unit: 'ms',
    isLoaded: true,
    value: ({ openMs }) => openMs,
    run: nothing,
  },
  reopen: {
    unit: 'ms',
    bars: [{ most: 5 }],
    isLoaded: true,
    value: ({ reopenMs }) => reopenMs,
    run: nothing,
  },
  'size, loaded': {
    unit: 'bytes',
    isLoaded: true,
    value: ({ sizeBytes }) => sizeBytes,
    run: nothing,
  },
  'size, compacted': {
    unit: 'bytes',
    bars: [{ most: 1.05, peers: ['classic-level', 'rocksdb'] }],
    isLoaded: true,
    value: ({ sizeBytes }) => sizeBytes,
    run: (db) => db.compact(),
  },
  'peak memory, fillrandom': {
    unit: 'bytes',
    bars: [{ limit: 'memory' }],
    value: ({ peakBytes }) => peakBytes,
    run: (db, { chunkOf, values }) => inChunks(chunkOf, (keys) => db.fill(keys, values)),
  },
  'peak memory, readrandom': {
    unit: 'bytes',
    bars: [{ limit: 'memory' }],
    isLoaded: true,
    value: ({ peakBytes }) => peakBytes,
    run: (db, { chunkOf }) => inChunks(chunkOf, (keys) => reads(db, keys)),
  },
}

function ycsb(least, mix, scale = 1, keysOf = zipfian) {
  return {
    bars: [{ least }],
    scale,
    isLoaded: true,
    isWarm: true,
    run: (db, data) => mixed(db, data, mix, () => keysOf(data.keys.length, 7)),
  }
}

function largeValues(name, valueBytes, entries) {
  return {
    [`${name} values, write`]: {
      bars: [
        { least: 2, peers: ['classic-level'] },
        { least: 0.3, peers: ['lmdb'] },
      ],
      valueBytes,
      entries,
      run: fillRandom,
    },
    [`${name} values, read`]: {
      bars: [{ least: 0.7, peers: ['lmdb'] }],
      valueBytes,
      entries,
      isLoaded: true,
      isWarm: true,
      run: readRandom,
    },
  }
}

async function nothing() {}

function fillRandom(db, { some, values }) {
  return all(() => db.fill(some, values), some)
}

function readRandom(db, { shuffled }) {
  return reads(db, shuffled)
}

async function all(step, keys) {
  return { operations: keys.length, ms: await timed(step) }
}

async function inChunks(chunkOf, step) {
  for (let at = 0; ; at += CHUNK_ENTRIES) {
    const keys = chunkOf(at, CHUNK_ENTRIES)
    if (keys.length === 0) return
    await step(keys)
  }
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

async function scan(db, { keys }, reverse) {
  let entries = 0
  const ms = await timed(async () => ({ entries } = await db.scan(reverse)))
  if (entries !== keys.length) throw new Error(`${entries} entries instead of ${keys.length}`)
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

function uniform({ keys }) {
  const random = randomSource(11)
  return () => Math.floor(random() * keys.length)
}

/**
 * A mix of operations, one after the other; writes are acknowledged at the end, as many in flight as come together until then. `keysOf` gives numbers of keys; those from
 * their count on are of the ones inserted and acknowledged.
 */
async function mixed(db, data, mix, keysOf) {
  const { kinds, keys, values, lengths } = planned(data, mix, keysOf())
  let pending = []
  const write = (i) => {
    const done = db.put(keys[i], values[i])
    if (done !== undefined) pending.push(done)
  }
  const ms = await timed(async () => {
    for (let i = 0; i < kinds.length; i++) {
      const kind = kinds[i]
      if (kind === 'update' || kind === 'insert') write(i)
      else if (kind === 'scan') {
        const found = db.seek(keys[i], lengths[i])
        if (typeof found !== 'number') await found
      } else {
        const got = db.get === undefined ? await db.getLater(keys[i]) : db.get(keys[i])
        if (got === undefined) throw new Error('a key is missing')
        if (kind === 'change') write(i)
      }
      if (pending.length >= BATCH) {
        await Promise.all(pending)
        pending = []
      }
    }
    await Promise.all(pending)
  })
  return { operations: kinds.length, ms }
}

/**
 * The operations of a mix, before the clock runs: kinds, keys, values, and how many entries a scan reads. NOTE: keys are copied in the order of their use, as those of
 * the other workloads are.
 */
function planned({ keys, values, fresh, some }, mix, next) {
  const random = randomSource(13)
  const parts = Object.entries(mix)
  const plan = { kinds: [], keys: [], values: [], lengths: [] }
  let inserted = 0
  let writes = 0
  let acknowledged = 0
  for (let i = 0; i < some.length; i++) {
    let choice = random()
    const kind = (parts.find(([, part]) => (choice -= part) < 0) ?? parts[0])[0]
    const number = next(acknowledged)
    let key = number < keys.length ? keys[number] : fresh[number - keys.length]
    if (kind === 'insert') key = fresh[inserted++]
    plan.kinds.push(kind)
    plan.keys.push(typeof key === 'string' ? key : Buffer.from(key))
    plan.values.push(values[i % values.length])
    plan.lengths.push(kind === 'scan' ? 1 + Math.floor(random() * SCAN_ENTRIES_MAX) : 0)
    if (kind === 'update' || kind === 'insert' || kind === 'change') writes++
    if (writes % BATCH === 0) acknowledged = inserted
  }
  return plan
}
