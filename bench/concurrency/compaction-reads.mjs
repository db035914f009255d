import { open } from '../../dist/index.js'
import { halfCompressibleValues, randomSource, sequentialKeys, shuffledKeys } from '../data.mjs'
import { withDirectory } from '../measure.mjs'
import { Histogram } from './histogram.mjs'
import { measured } from './machine.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'

const ENTRIES = Number(process.env.VARVE_BENCH_ENTRIES ?? 1_000_000)
const HOT_KEYS = 10_000
const PHASE_MS = 2000
const PHASES = 3
/** Reads between two turns of the event loop. */
const READS_AT_ONCE = 200
/** New entries for each compaction, so that there is something to merge. */
const FRESH = 20_000
const BAR = { most: 3 }
/** Whether the data fits the block cache; of what does not, most reads go to a file. */
const MEMORY_LIMIT = { hot: 256 << 20, files: 32 << 20 }
const NAMES = { hot: 'hot cache', files: 'from files' }

/** A reader's synchronous get while compactions run one after the other in the background, against the same when nothing runs. */
export async function run(rounds) {
  const variants = Object.keys(NAMES)
  const all = await interleaved('compaction-reads', variants, rounds)
  const verdicts = variants.map((variant) => {
    const of = (phase, share) => spread(all, (figures) => figures[variant][phase][share]).median
    const ratio = spread(all, (figures) => figures[variant].busy.p99 / figures[variant].idle.p99)
    const side = (phase) =>
      `${of(phase, 'p50').toFixed(1)} / ${of(phase, 'p99').toFixed(1)} / ${of(phase, 'p999').toFixed(0)}`
    const merged = spread(all, (figures) => figures[variant].mergedMegabytes).median
    const said = `p50 / p99 / p99.9: ${side('busy')} µs while ${merged.toFixed(0)} MB were merged, ${side('idle')} µs idle`
    return verdict(`4. p99 of getSync, ${NAMES[variant]}`, said, all, ratio, BAR)
  })
  return { verdicts, all }
}

export async function measure(variant) {
  return withDirectory(async (directory) => {
    const db = await open(directory, { threads: 1, memoryLimit: MEMORY_LIMIT[variant] })
    const values = halfCompressibleValues(1000)
    const keys = shuffledKeys(ENTRIES)
    for (let i = 0; i < ENTRIES;) {
      const batch = db.batch()
      for (const end = i + 1000; i < end; i++) batch.put(keys[i], values[i % 1000])
      await batch.commit()
    }
    await db.compact()
    const all = sequentialKeys(ENTRIES)
    const wanted = variant === 'hot' ? all.slice(0, HOT_KEYS) : all
    const random = randomSource(11)
    const reads = (histogram, until) => readUntil(db, wanted, random, histogram, until)
    await reads(new Histogram(), endAfter(PHASE_MS))
    const [idle, busy] = [new Histogram(), new Histogram()]
    const mergedBefore = db.stats().keyspaces[0].compactionReadBytes
    for (let phase = 0; phase < PHASES; phase++) {
      await measured(() => reads(idle, endAfter(PHASE_MS)))
      await measured(() => besideCompactions(db, keys, values, phase, (until) => reads(busy, until)))
    }
    const mergedMegabytes = (db.stats().keyspaces[0].compactionReadBytes - mergedBefore) / 1e6
    await db.close()
    return { idle: idle.figures(), busy: busy.figures(), mergedMegabytes }
  })
}

/** Reads for as long as a phase takes, but only while a compaction runs: what is written for the next one is not measured. */
async function besideCompactions(db, keys, values, phase, reads) {
  const isOver = endAfter(PHASE_MS)
  for (let round = 0; !isOver(); round++) {
    const batch = db.batch()
    // NOTE: from all over the key space, so that everything must be merged.
    for (let i = 0; i < FRESH; i++) {
      batch.put(keys[(phase * 7919 + round * FRESH + i) % keys.length], values[i % 1000])
    }
    await batch.commit()
    await db.flush()
    let isMerged = false
    const merging = db.compact().then(() => (isMerged = true))
    await reads(() => isMerged)
    await merging
  }
}

async function readUntil(db, keys, random, histogram, isOver) {
  while (!isOver()) {
    let before = performance.now()
    for (let i = 0; i < READS_AT_ONCE; i++) {
      const value = db.getSync(keys[Math.floor(random() * keys.length)])
      const after = performance.now()
      if (value === undefined) throw new Error('lost')
      histogram.noteMs(after - before)
      before = after
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function endAfter(milliseconds) {
  const end = performance.now() + milliseconds
  return () => performance.now() >= end
}
