import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { open } from '../dist/index.js'
import { halfCompressibleValues, sequentialKeys, shuffledKeys } from './data.mjs'
import { median, printTable, row, timed, timedSync, withDirectory } from './measure.mjs'

const ENTRIES = 1_000_000
const READS = 200_000
const SEEKS = 20_000
const VALUE_BYTES = 100
const JSON_MARK = '\n--json--\n'

/** What a flush writes of the data, for its rate: keys and values. */
const DATA_BYTES = ENTRIES * (16 + VALUE_BYTES)

/**
 * 1,000,000 entries of 16+100 B in tables, nothing in memtables: loaded in random order (as it was flushed, a run for each flush, and compacted) and in
 * sequential order (a single run), read hot: everything was read once before.
 */
export async function run({ rounds }) {
  const results = {}
  for (const section of Object.keys(SECTIONS)) results[section] = inProcess(section, rounds)
  return results
}

const SECTIONS = {
  'random load': () => shuffledKeys(ENTRIES),
  'random load, compacted': () => shuffledKeys(ENTRIES),
  'sequential load': () => sequentialKeys(ENTRIES),
  strings: undefined,
}

/** Runs a section in a fresh process, as a program with one kind of keys is: what others have read before does not slow it down. */
function inProcess(section, rounds) {
  const { status, stdout } = spawnSync(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), section, String(rounds)],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 1 << 24 },
  )
  if (status !== 0) throw new Error(`the section '${section}' failed`)
  const [report, json] = stdout.split(JSON_MARK)
  process.stdout.write(report)
  return JSON.parse(json)
}

async function runSection(section, rounds) {
  if (section === 'strings') {
    const rows = await measureStrings(rounds)
    printTable(`strings: ${ENTRIES} entries in utf8, random load, compacted, median of ${rounds}`, rows)
    return { rows }
  }
  const keys = SECTIONS[section]()
  const values = halfCompressibleValues(ENTRIES)
  const readOrder = shuffledKeys(ENTRIES, 3).slice(0, READS)
  const absent = readOrder.map((key) => Buffer.concat([key.subarray(0, 15), Buffer.from('!')]))
  return withDirectory((directory) =>
    measureLoad(directory, { order: section, keys, values, readOrder, absent, rounds }),
  )
}

async function measureLoad(directory, { order, keys, values, readOrder, absent, rounds }) {
  const flushRate = await flushRateOf(keys, values)
  await loadInto(directory, keys, values, order.endsWith('compacted'))
  const db = await open(directory, { memoryLimit: 512 << 20 })
  const { tables } = db.stats().keyspaces[0]
  const times = {}
  const time = (name, step) => (times[name] ??= []).push(timedSync(step))
  const rows = []
  const readers = {
    'getSync, hot': [READS, 500_000, () => readAll(db, readOrder)],
    'getSync, missing': [READS, 1_000_000, () => readNone(db, absent)],
    'hasSync, hot': [READS, undefined, () => hasAll(db, readOrder)],
    'rangeSync, bytes': [ENTRIES, 2_000_000, () => scan(db.rangeSync())],
    'rangeSync, slices': [ENTRIES, 4_000_000, () => scan(db.rangeSync({ slices: true }))],
    'rangeSync, reverse': [ENTRIES, undefined, () => scan(db.rangeSync({ reverse: true }))],
    keysSync: [ENTRIES, undefined, () => scan(db.keysSync())],
    'seek and read 10': [SEEKS, 200_000, () => seeks(db, readOrder)],
  }
  for (const [, , step] of Object.values(readers)) step()
  for (let round = 0; round < rounds; round++)
    for (const [name, [, , step]] of Object.entries(readers)) time(name, step)
  for (const [name, [operations, bar]] of Object.entries(readers))
    rows.push(row(name, operations, times[name], bar))
  await db.close()

  const openMs = await opens(directory)
  printTable(
    `${order}: ${ENTRIES} entries of 16+${VALUE_BYTES} B in ${tables} tables, median of ${rounds}`,
    rows,
  )
  const forward = rows.find(({ name }) => name === 'rangeSync, bytes').operationsPerSecond
  const reverse = rows.find(({ name }) => name === 'rangeSync, reverse').operationsPerSecond
  const flushBar = order.startsWith('random') ? 120 : 250
  process.stdout.write(
    `\nreverse ÷ forward ${(reverse / forward).toFixed(2)} (bar 0.70); flush ${flushRate.toFixed(0)} MB/s (bar ${flushBar}); ` +
      `open of the closed database ${openMs.toFixed(1)} ms (bar 5)\n`,
  )
  return { rows, tables, reverseShare: reverse / forward, flushMegabytesPerSecond: flushRate, openMs }
}

/** Loads as a program in a hurry does: puts in one turn, which flush when they must, and a flush at the end. */
async function loadInto(directory, keys, values, compacted) {
  const db = await open(directory, { durability: 'none', memoryLimit: 512 << 20 })
  for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i])
  await db.flush()
  if (compacted) await db.compact()
  await db.close()
}

/** MB of data per second of flushing: memtable after memtable, each flushed by itself, so that only flushing is timed. */
async function flushRateOf(keys, values) {
  return withDirectory(async (directory) => {
    const db = await open(directory, { durability: 'none', memoryLimit: 512 << 20 })
    let flushMs = 0
    // NOTE: in pieces below the size of a memtable.
    const piece = 50_000
    for (let from = 0; from < keys.length; from += piece) {
      for (let i = from; i < from + piece; i++) db.putSync(keys[i], values[i])
      flushMs += timedSync(() => db.flushSync())
    }
    await db.close()
    return DATA_BYTES / 1e6 / (flushMs / 1000)
  })
}

/** The same entries as text: keys and values are strings. */
async function measureStrings(rounds) {
  return withDirectory(async (directory) => {
    const options = { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: 512 << 20 }
    const keys = shuffledKeys(ENTRIES).map(String)
    const loaded = await open(directory, { ...options, durability: 'none' })
    const value = 'v'.repeat(VALUE_BYTES)
    for (const key of keys) loaded.putSync(key, value)
    await loaded.compact()
    await loaded.close()
    const db = await open(directory, options)
    const order = keys.slice(0, READS).reverse()
    const get = () => readAll(db, order)
    const range = () => scan(db.rangeSync())
    const times = { get: [], range: [] }
    get()
    range()
    for (let round = 0; round < rounds; round++) {
      times.get.push(timedSync(get))
      times.range.push(timedSync(range))
    }
    await db.close()
    return [row('getSync', READS, times.get, 500_000), row('rangeSync', ENTRIES, times.range, 2_000_000)]
  })
}

/** Milliseconds to open and close, median of 9: nothing but the lock is written. */
async function opens(directory) {
  const times = []
  for (let i = 0; i < 9; i++) {
    let db
    times.push(
      await timed(async () => {
        db = await open(directory)
      }),
    )
    await db.close()
  }
  return median(times)
}

function readAll(db, keys) {
  for (const key of keys) if (db.getSync(key) === undefined) throw new Error('lost')
}

function readNone(db, keys) {
  for (const key of keys) if (db.getSync(key) !== undefined) throw new Error('found')
}

function hasAll(db, keys) {
  for (const key of keys) if (!db.hasSync(key)) throw new Error('lost')
}

function scan(range) {
  let count = 0
  for (const entry of range) if (entry !== undefined) count++
  if (count !== ENTRIES) throw new Error(`${count} entries`)
}

function seeks(db, keys) {
  for (let i = 0; i < SEEKS; i++) {
    let count = 0
    for (const entry of db.rangeSync({ gte: keys[i], limit: 10 })) if (entry !== undefined) count++
    if (count === 0) throw new Error('nothing found')
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await runSection(process.argv[2], Number(process.argv[3]))
  process.stdout.write(`${JSON_MARK}${JSON.stringify(result)}`)
}
