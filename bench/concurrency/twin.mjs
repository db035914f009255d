import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import * as varve from '../../dist/index.js'
import { halfCompressibleValues, randomSource, shuffledKeys } from '../data.mjs'
import { withDirectory } from '../measure.mjs'
import { StringKeyedTable } from '../twins/string-keyed.mjs'
import { Histogram } from './histogram.mjs'
import { beside, isOver, start } from './pair.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'
import { withSources } from './sources.mjs'

/** So many entries of 16+100 B stay in one memtable of varve's. */
const ENTRIES = 40_000
const WARM_UP_ENTRIES = 10_000
const MEMORY_BYTES = 32 << 20
const FILE = fileURLToPath(import.meta.url)
/** The p50 of varve against the twin's. */
const BAR = { most: 0.7 }

/** What string keys and one exclusive lock would cost: single writes on one thread beside reads on another, in a memtable, journalled with write(2). */
export async function run(rounds) {
  const all = await interleaved('twin', Object.keys(VARIANTS), rounds)
  const verdicts = ['p50', 'p99'].map((share) => {
    const of = (variant) => spread(all, (figures) => figures[variant][share]).median.toFixed(1)
    const reads = (variant) => spread(all, (figures) => figures[variant].reads / 1000).median.toFixed(0)
    const ratio = spread(all, ({ varve: own, twin }) => own[share] / twin[share])
    const said = `varve: ${of('varve')} µs, twin: ${of('twin')} µs; reads beside: ${reads('varve')} / ${reads('twin')} k`
    return verdict(`6. ${share} of a write's latency`, said, all, ratio, share === 'p50' ? BAR : undefined)
  })
  return { verdicts, all }
}

const VARIANTS = {
  async varve() {
    return withDirectory(async (directory) => {
      const db = await varve.open(directory, { threads: 1, keyEncoding: 'utf8' })
      const handle = await db.share()
      const result = await writeBeside({ handle }, handle.transfer, (key, value) => db.putSync(key, value))
      await db.close()
      return result
    })
  },
  async twin() {
    return withDirectory((directory) =>
      withSources(async (sources) => {
        const journal = openSync(`${directory}.log`, 'w')
        const memory = new SharedArrayBuffer(MEMORY_BYTES)
        const table = new StringKeyedTable(memory, await import(sources), 0, journal)
        const result = await writeBeside({ memory, sources }, [], (key, value) => table.put(key, value))
        closeSync(journal)
        return result
      }),
    )
  },
}

export function measure(variant) {
  return VARIANTS[variant]()
}

async function writeBeside(data, transfer, put) {
  const keys = keyStrings()
  const values = halfCompressibleValues(1000)
  for (let i = 0; i < WARM_UP_ENTRIES; i++) put(keys[i], values[i % 1000])
  const [histogram, reads] = await beside(FILE, { twin: data }, transfer, () => {
    const noted = new Histogram()
    for (let i = WARM_UP_ENTRIES; i < ENTRIES; i++) {
      const before = performance.now()
      put(keys[i], values[i % 1000])
      noted.noteMs(performance.now() - before)
    }
    return noted
  })
  return { ...histogram.figures(), reads }
}

/** Reads what was written before the start, until it is over. */
async function worker({ twin: { handle, memory, sources }, gate }) {
  const db = handle === undefined ? undefined : varve.attach(handle)
  const table = handle === undefined ? new StringKeyedTable(memory, await import(sources), 1, -1) : undefined
  const get = db === undefined ? (key) => table.get(key) : (key) => db.getSync(key)
  const keys = keyStrings()
  const random = randomSource(4)
  const read = () => {
    if (get(keys[Math.floor(random() * WARM_UP_ENTRIES)]) === undefined) throw new Error('lost')
  }
  for (let i = 0; i < WARM_UP_ENTRIES; i++) read()
  start(gate)
  let reads = 0
  for (; !isOver(gate); reads++) read()
  await db?.close()
  parentPort.postMessage(reads)
}

function keyStrings() {
  return shuffledKeys(ENTRIES).map((key) => key.toString('latin1'))
}

if (!isMainThread && workerData?.twin !== undefined) await worker(workerData)
