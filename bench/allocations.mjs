import { open } from '../dist/index.js'
import { halfCompressibleValues, shuffledKeys } from './data.mjs'
import { withDirectory } from './measure.mjs'

const OPERATIONS = 1_000_000
const DISTINCT = 50_000

/**
 * Bytes allocated on the JavaScript heap and in array buffers per operation: warm, the bare loop subtracted, no collection in
 * between (a semi-space large enough: `--max-semi-space-size`).
 */
export async function run() {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc (npm run bench does)')
  const keys = shuffledKeys(DISTINCT)
  const values = halfCompressibleValues(DISTINCT)
  const rows = []
  await withDirectory(async (directory) => {
    const db = await open(directory, { durability: 'none', valueEncoding: 'buffer' })
    let sink
    const bare = measure((i) => {
      sink = keys[i % DISTINCT]
    })
    const put = measure((i) => db.putSync(keys[i % DISTINCT], values[i % DISTINCT]))
    const has = measure((i) => {
      sink = db.hasSync(keys[i % DISTINCT])
    })
    const get = measure((i) => {
      sink = db.getSync(keys[i % DISTINCT])
    })
    const pooled = measure((i) => {
      sink = Buffer.allocUnsafe(values[i % DISTINCT].length)
    })
    const twin = stringKeyedTwin()
    const twinPut = measure((i) => twin.put(keys[i % DISTINCT], values[i % DISTINCT]))
    if (sink === undefined) throw new Error('nothing was measured')
    rows.push(
      { name: 'putSync', bytes: put - bare, bar: '≤ 2 B', reached: put - bare <= 2 },
      { name: 'hasSync', bytes: has - bare, bar: '≤ 2 B', reached: has - bare <= 2 },
      { name: 'bare pooled buffer of 100 B', bytes: pooled - bare },
      {
        name: 'getSync',
        bytes: get - bare,
        bar: `≤ 1.1 × the bare buffer (${(1.1 * (pooled - bare)).toFixed(1)} B)`,
        reached: get - bare <= 1.1 * (pooled - bare),
      },
      { name: 'put of a string-keyed twin', bytes: twinPut - bare },
      {
        name: 'twin put ÷ putSync (at least 1 B)',
        bytes: (twinPut - bare) / Math.max(1, put - bare),
        bar: '≥ 5',
        reached: (twinPut - bare) / Math.max(1, put - bare) >= 5,
      },
    )
    await db.close()
  })
  process.stdout.write(
    `\nallocations: bytes per operation over ${OPERATIONS} operations, the bare loop subtracted\n\n`,
  )
  process.stdout.write('| what | bytes | bar | |\n|---|--:|---|---|\n')
  for (const { name, bytes, bar, reached } of rows) {
    process.stdout.write(
      `| ${name} | ${bytes.toFixed(2)} | ${bar ?? ''} | ${bar === undefined ? '' : reached ? 'reached' : 'MISSED'} |\n`,
    )
  }
  return rows
}

function allocated() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Bytes per operation: the smallest of three passes, because anything else that allocates only adds. */
function measure(operation) {
  // NOTE: warm means that the rare work (a flush every 30,000 puts) is compiled too.
  for (let i = 0; i < OPERATIONS; i++) operation(i)
  let least = Infinity
  for (let pass = 0; pass < 3; pass++) {
    globalThis.gc()
    globalThis.gc()
    // NOTE: in pieces, so that no scavenge runs inside one: what a piece allocates stays below the semi-space.
    let bytes = 0
    const piece = OPERATIONS / 10
    for (let start = 0; start < OPERATIONS; start += piece) {
      // NOTE: twice: array buffers of the piece before are freed in the background, the second collection waits for that.
      globalThis.gc()
      globalThis.gc()
      const before = allocated()
      for (let i = start; i < start + piece; i++) operation(i)
      bytes += allocated() - before
    }
    least = Math.min(least, bytes / OPERATIONS)
  }
  return least
}

/** What an engine with string keys does per put: builds an internal key from a JavaScript string and keeps such keys sorted. */
function stringKeyedTwin() {
  const sorted = []
  const values = new Map()
  let seqno = 0
  const place = (internal) => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle] < internal) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    put(key, value) {
      seqno++
      const internal = `${key.toString('latin1')}\0${(Number.MAX_SAFE_INTEGER - seqno).toString(16).padStart(14, '0')}`
      // NOTE: a bounded window keeps the twin's insertion cheap; only what it allocates is of interest.
      if (sorted.length >= 1024) values.delete(sorted.pop())
      sorted.splice(place(internal), 0, internal)
      values.set(internal, Buffer.from(value))
    },
  }
}
