import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import * as varve from '../../dist/index.js'
import { halfCompressibleValues, randomSource, shuffledKeys } from '../data.mjs'
import { formatRate, withDirectory } from '../measure.mjs'
import { measured, noteOwn, ownMs, threadTimes, timesSince } from './machine.mjs'
import { beside, start } from './pair.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'

const ENTRIES = 200_000
const WRITES = Number(process.env.VARVE_BENCH_WRITES ?? 0.05)
const WARM_UP_MS = 1500
const MEASURE_MS = 3000
/** Calls between two turns of the event loop. */
const CALLS_AT_ONCE = 500
const BAR = { least: 0.85 }
const FILE = fileURLToPath(import.meta.url)
const OPTIONS = { threads: 1 }

/** Random reads with a few writes among them, of data in the cache: two threads on one shared database against two processes, each on a copy of its own. */
export async function run(rounds) {
  const variants = Object.keys(VARIANTS)
  const all = await interleaved('shared-reads', variants, rounds)
  const rate = (variant) => formatRate(spread(all, (figures) => figures[variant].rate).median)
  const ratioOf = (figure) => spread(all, ({ threads, processes }) => threads[figure] / processes[figure])
  const said = `one database: ${rate('threads')}, two: ${rate('processes')}`
  const verdicts = [
    verdict('1. two threads, 95 % get', said, all, ratioOf('rate'), BAR),
    verdict('· less their waits for a core', '', all, ratioOf('rateOnCore')),
  ]
  return { verdicts, all }
}

const VARIANTS = {
  async threads() {
    return withDirectory(async (directory) => {
      const { db, keys, values } = await loaded(directory)
      const handle = await db.share()
      const data = { handle, seed: 2 }
      const results = await beside(FILE, data, handle.transfer, () => load(db, keys, values, 1, MEASURE_MS))
      await db.close()
      return figuresOf(results)
    })
  },
  async processes() {
    return withDirectory(async (directory) => {
      const { db, keys, values } = await loaded(directory)
      const peer = fork(FILE, ['peer'], { execArgv: process.execArgv })
      const next = () =>
        new Promise((resolve, reject) => {
          peer.once('message', resolve)
          peer.once('exit', () => reject(new Error('the other process ended')))
        })
      await next()
      const results = await measured(async () => {
        const theirs = next()
        peer.send('go')
        const own = await load(db, keys, values, 1, MEASURE_MS)
        const other = await theirs
        noteOwn(other.ownMs)
        return [own, other]
      })
      await db.close()
      return figuresOf(results)
    })
  },
}

export function measure(variant) {
  return VARIANTS[variant]()
}

function figuresOf(results) {
  const sum = (of) => results.reduce((total, result) => total + of(result), 0)
  return {
    rate: sum(({ calls, ms }) => (calls / ms) * 1000),
    rateOnCore: sum(({ calls, ms, coreWaitMs }) => (calls / (ms - coreWaitMs)) * 1000),
    ranMs: sum(({ ranMs }) => ranMs),
  }
}

async function loaded(directory) {
  const keys = shuffledKeys(ENTRIES)
  const values = halfCompressibleValues(1000)
  const db = await varve.open(directory, OPTIONS)
  for (let i = 0; i < ENTRIES;) {
    const batch = db.batch()
    for (const end = i + 1000; i < end; i++) batch.put(keys[i], values[i % 1000])
    await batch.commit()
  }
  await db.compact()
  for (const key of keys) if (db.getSync(key) === undefined) throw new Error('lost')
  await load(db, keys, values, 9, WARM_UP_MS)
  return { db, keys, values }
}

/** @returns what one thread did in the time */
async function load(db, keys, values, seed, milliseconds) {
  const random = randomSource(seed)
  const before = threadTimes()
  const startMs = performance.now()
  let calls = 0
  while (performance.now() < startMs + milliseconds) {
    for (let i = 0; i < CALLS_AT_ONCE; i++) {
      const key = keys[Math.floor(random() * keys.length)]
      if (random() < WRITES) db.putSync(key, values[i])
      else if (db.getSync(key) === undefined) throw new Error('lost')
    }
    calls += CALLS_AT_ONCE
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { calls, ms: performance.now() - startMs, ...timesSince(before) }
}

async function worker({ handle, seed, gate }) {
  const db = varve.attach(handle)
  const keys = shuffledKeys(ENTRIES)
  const values = halfCompressibleValues(1000)
  await load(db, keys, values, 8, WARM_UP_MS)
  start(gate)
  const result = await load(db, keys, values, seed, MEASURE_MS)
  await db.close()
  parentPort.postMessage(result)
}

async function peer() {
  await withDirectory(async (directory) => {
    const { db, keys, values } = await loaded(directory)
    const go = new Promise((resolve) => process.once('message', resolve))
    process.send('ready')
    await go
    const before = ownMs()
    const result = await load(db, keys, values, 2, MEASURE_MS)
    process.send({ ...result, ownMs: ownMs() - before })
    await db.close()
  })
  process.disconnect()
}

if (!isMainThread && workerData?.handle !== undefined) await worker(workerData)
else if (process.argv[1] === FILE && process.argv[2] === 'peer') await peer()
