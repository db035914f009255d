// One workload on one engine, in a process of its own: child.mjs <workload> <engine> [strings]
import { cpSync, existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { halfCompressibleValues, sequentialKeys, shuffledKeys } from '../data.mjs'
import { ENGINES } from '../engines/index.mjs'
import { measured, othersCores } from '../concurrency/machine.mjs'
import { report } from '../concurrency/rounds.mjs'
import { timed } from '../measure.mjs'
import { WORKLOADS } from './workloads.mjs'

const ENTRIES = Number(process.env.VARVE_BENCH_ENTRIES ?? 1_000_000)
const [name, engineName, kind] = process.argv.slice(2)
const workload = WORKLOADS[name]
const engine = ENGINES[engineName]
const strings = kind === 'strings'
const options = { strings, cacheBytes: workload.cacheBytes }

const data = makeData()
const root = process.env.VARVE_BENCH_DIR ?? tmpdir()
const directory = join(root, `varve-macro-${process.pid}`)
try {
  mkdirSync(directory, { recursive: true })
  if (workload.isLoaded) await takeLoaded()
  const db = await engine.open(join(directory, 'db'), options)
  if (workload.needs !== undefined && db[workload.needs] === undefined) report({ isAbsent: true }, 0)
  else {
    if (workload.isWarm && engineName !== 'memory-level') await db.scan(false)
    const { operations, ms } = await measured(() => workload.run(db, data))
    const settleMs = await timed(() => db.settle())
    const { maxRSS } = process.resourceUsage()
    report(
      { operations, ms, settleMs, peakBytes: maxRSS * 1024, sizeBytes: sizeOf(directory) },
      othersCores(),
    )
  }
  await db.close()
} finally {
  rmSync(directory, { recursive: true, force: true })
}
process.exit(0)

function makeData() {
  const text = (keys) => (strings ? keys.map((key) => key.toString('latin1')) : keys)
  const sequential = text(sequentialKeys(ENTRIES))
  const shuffled = text(shuffledKeys(ENTRIES))
  // NOTE: as strings ASCII, so that 100 characters are 100 bytes under both encodings.
  const values = halfCompressibleValues(1000).map((value) =>
    strings ? value.map((byte) => 0x20 + (byte % 0x5f)).toString('latin1') : value,
  )
  const extended = (end) =>
    shuffled.map((key) =>
      strings ? `${key.slice(0, -1)}${end}` : Buffer.concat([key.subarray(0, -1), Buffer.from(end)]),
    )
  const some = shuffled.slice(0, Math.max(1, Math.round(ENTRIES * (workload.scale ?? 1))))
  return {
    sequential,
    shuffled,
    keys: sequential,
    values,
    missing: extended('x'),
    fresh: extended('y'),
    some,
  }
}

/** A copy of the engine's database with all entries, settled; it is made by the first who needs it. */
async function takeLoaded() {
  if (engineName === 'memory-level')
    throw new Error('memory-level has no files; it is measured by writes only')
  const loaded = join(root, `varve-macro-loaded-${engineName}-${ENTRIES}${strings ? '-strings' : ''}`)
  if (!existsSync(loaded)) {
    const making = `${loaded}.${process.pid}`
    mkdirSync(making, { recursive: true })
    const db = await engine.open(join(making, 'db'), { strings })
    await db.fillBatches(data.shuffled, data.values, 1000)
    await db.settle()
    await db.close()
    renameSync(making, loaded)
  }
  // NOTE: a lock that is a socket is nobody's in the copy.
  cpSync(loaded, directory, { recursive: true, filter: (from) => !lstatSync(from).isSocket() })
}

function sizeOf(folder) {
  if (!existsSync(folder)) return 0
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
