import { spawnSync } from 'node:child_process'
import { open } from '../../dist/index.js'
import { measured } from '../concurrency/machine.mjs'
import { halfCompressibleValues, sequentialKeys, shuffledKeys } from '../data.mjs'
import { timedSync, withDirectory } from '../measure.mjs'
import { LINES, OPERATIONS } from './lines.mjs'

/** Stands for the program that VARVE_BENCH_REFERENCE names. */
export const BINARY = 'binary'
/** Passes over databases of their own before the one that counts, whatever the line: compilers have settled then. */
const WARM_PASSES = 5
/** All entries stay in one memtable, as they do in the reference. */
const MEMTABLE_BYTES = 64 << 20

/** One line, in a process of its own: its rate, then percentiles of the time of an operation, by groups, in another pass. */
export async function measure(variant) {
  if (variant === BINARY) return runBinary()
  const line = LINES[variant]
  const data = {
    sequential: sequentialKeys(OPERATIONS),
    shuffled: shuffledKeys(OPERATIONS),
    readOrder: shuffledKeys(OPERATIONS, 3),
    values: halfCompressibleValues(OPERATIONS),
  }
  for (let pass = 0; pass < WARM_PASSES; pass++)
    await withDatabase(line, data, (db) => passOver(line, db, data))
  const ms = await withDatabase(line, data, (db) => measured(() => passOver(line, db, data)))
  const groupNs = await withDatabase(line, data, (db) => measured(() => groupsOver(line, db, data)))
  const share = (part) => groupNs[Math.min(groupNs.length - 1, Math.floor(groupNs.length * part))]
  return {
    rate: (line.groups * line.operations * 1000) / ms,
    p50: share(0.5),
    p99: share(0.99),
    p999: share(0.999),
  }
}

function passOver({ group, groups }, db, data) {
  return timedSync(() => {
    for (let number = 0; number < groups; number++) group(db, data, number)
  })
}

/** Nanoseconds of an operation in each group, ascending. */
function groupsOver({ group, groups, operations }, db, data) {
  const times = new Float64Array(groups)
  for (let number = 0; number < groups; number++) {
    times[number] = (timedSync(() => group(db, data, number)) * 1e6) / operations
  }
  return times.sort()
}

function withDatabase({ load }, data, use) {
  return withDirectory(async (directory) => {
    const db = await open(directory, {
      durability: 'none',
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      memtableSize: MEMTABLE_BYTES,
    })
    if (load !== undefined) for (let i = 0; i < OPERATIONS; i++) db.putSync(data[load][i], data.values[i])
    const result = await use(db)
    await db.close()
    return result
  })
}

/** The program prints one JSON object: operations or entries per second by the names that LINES have as `counterpart`. */
function runBinary() {
  const { status, stdout } = spawnSync(process.env.VARVE_BENCH_REFERENCE, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${process.env.VARVE_BENCH_REFERENCE} failed`)
  return JSON.parse(stdout)
}
