import { fileURLToPath } from 'node:url'
import { open } from '../dist/index.js'
import { BARS } from './allocations/bars.mjs'
import { ENGINES } from './allocations/engines.mjs'
import { bytesPerOperation, OPERATIONS } from './allocations/heap.mjs'
import { stringKeyedTwin } from './allocations/string-keyed.mjs'
import { measureIn } from './concurrency/rounds.mjs'
import { halfCompressibleValues, shuffledKeys } from './data.mjs'
import { withDirectory } from './measure.mjs'

const DISTINCT = 50_000
const CHILD = fileURLToPath(new URL('./allocations/child.mjs', import.meta.url))

/** The calls that are compared between engines, as the report names them. */
const CALLS = {
  put: 'put, 1,000 in flight',
  putSync: 'putSync',
  get: 'get (`getSync`; lmdb `get`)',
  getView: 'get without a copy (`getSlice`; lmdb `getBinaryFast`)',
  range: 'entry of a range, as buffers (`rangeSync`; `nextv(1000)`; `getRange`)',
  rangeOfViews: 'entry of a range, as slices',
}

/**
 * Bytes allocated on the JavaScript heap and in array buffers per operation: warm, no collection in between (a semi-space large enough: `--max-semi-space-size`). What native code
 * allocates for itself, and varve's own memory, which is reserved once, are not counted.
 */
export async function run() {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc (npm run bench does)')
  const bars = await measureBars()
  printBars(bars)
  const calls = Object.entries(CALLS).map(([call, name]) => ({
    name,
    bytes: Object.fromEntries(Object.keys(ENGINES).map((engine) => [engine, bytesOf(engine, call)])),
  }))
  printCalls(calls)
  return { bars, calls }
}

/** What varve is held to, the bare loop subtracted. */
async function measureBars() {
  const keys = shuffledKeys(DISTINCT)
  const values = halfCompressibleValues(DISTINCT)
  return withDirectory(async (directory) => {
    const db = await open(directory, { durability: 'none', valueEncoding: 'buffer' })
    let sink
    const bare = bytesPerOperation((i) => {
      sink = keys[i % DISTINCT]
    })
    const put = bytesPerOperation((i) => db.putSync(keys[i % DISTINCT], values[i % DISTINCT]))
    const has = bytesPerOperation((i) => {
      sink = db.hasSync(keys[i % DISTINCT])
    })
    const get = bytesPerOperation((i) => {
      sink = db.getSync(keys[i % DISTINCT])
    })
    const pooled = bytesPerOperation((i) => {
      sink = Buffer.allocUnsafe(values[i % DISTINCT].length)
    })
    const twin = stringKeyedTwin()
    const twinPut = bytesPerOperation((i) => twin.put(keys[i % DISTINCT], values[i % DISTINCT]))
    if (sink === undefined) throw new Error('nothing was measured')
    await db.close()
    return [
      { name: BARS.put, bytes: put - bare, bar: '≤ 2 B', reached: put - bare <= 2 },
      { name: BARS.has, bytes: has - bare, bar: '≤ 2 B', reached: has - bare <= 2 },
      { name: 'bare pooled buffer of 100 B', bytes: pooled - bare },
      {
        name: BARS.get,
        bytes: get - bare,
        bar: `≤ 1.1 × the bare buffer (${(1.1 * (pooled - bare)).toFixed(1)} B)`,
        reached: get - bare <= 1.1 * (pooled - bare),
      },
      { name: 'put of a string-keyed twin', bytes: twinPut - bare },
      {
        name: BARS.twin,
        bytes: (twinPut - bare) / Math.max(1, put - bare),
        bar: '≥ 5',
        reached: (twinPut - bare) / Math.max(1, put - bare) >= 5,
      },
    ]
  })
}

/** Undefined if the engine has no such call. */
function bytesOf(engine, call) {
  return measureIn(CHILD, engine, call).figures.bytes
}

function printBars(rows) {
  process.stdout.write(
    `\nallocations: bytes per operation over ${OPERATIONS} operations, the bare loop subtracted\n\n`,
  )
  process.stdout.write('| what | bytes | bar | |\n|---|--:|---|---|\n')
  for (const { name, bytes, bar, reached } of rows) {
    process.stdout.write(
      `| ${name} | ${bytes.toFixed(2)} | ${bar ?? ''} | ${bar === undefined ? '' : reached ? 'reached' : 'MISSED'} |\n`,
    )
  }
}

function printCalls(calls) {
  const engines = Object.keys(ENGINES)
  process.stdout.write(
    `\nbytes per call, each in a process of its own\n\n| call | ${engines.join(' | ')} |\n`,
  )
  process.stdout.write(`|---|${engines.map(() => '--:').join('|')}|\n`)
  for (const { name, bytes } of calls) {
    const cells = engines.map((engine) => bytes[engine]?.toFixed(1) ?? '–')
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`)
  }
}
