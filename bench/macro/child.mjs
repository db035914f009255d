// One workload on one engine, in a process of its own: child.mjs <workload | load> <engine> [strings]
import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ENGINES } from '../engines/index.mjs'
import { measured, othersCores } from '../concurrency/machine.mjs'
import { report } from '../concurrency/rounds.mjs'
import { timed } from '../measure.mjs'
import { MacroData } from './data.mjs'
import { ENTRIES, WORKLOADS } from './workloads.mjs'

const BATCH = 1000
const [name, engineName, kind, loadEntries, loadValueBytes] = process.argv.slice(2)
const workload = WORKLOADS[name] ?? {}
const engine = ENGINES[engineName]
const strings = kind === 'strings'
const entries = Number(loadEntries ?? workload.entries ?? process.env.VARVE_BENCH_ENTRIES ?? ENTRIES)
const valueBytes = Number(loadValueBytes ?? workload.valueBytes ?? 100)
const divisor = engine.isSlow ? (workload.slow ?? 1) : 1
const operations = Math.max(1, Math.round((entries * (workload.scale ?? 1)) / divisor))
const data = new MacroData({ entries, valueBytes, operations, strings })
const root = process.env.VARVE_BENCH_DIR ?? tmpdir()
const loaded = join(root, `varve-macro-loaded-${engineName}-${kind}-${entries}x${valueBytes}`)

if (name === 'load') await load()
else await measure()
process.exit(0)

async function measure() {
  const directory = join(root, `varve-macro-${process.pid}`)
  const place = join(directory, 'db')
  const { cacheBytes, memoryLimit, isDurable } = workload
  const options = { strings, cacheBytes, memoryLimit, isDurable }
  try {
    mkdirSync(directory, { recursive: true })
    const isLoaded = workload.isLoaded === true
    if (isLoaded && !engine.isVolatile) takeLoaded(directory)
    let db
    const openMs = await timed(async () => void (db = await engine.open(place, options)))
    if (workload.needs !== undefined && db[workload.needs] === undefined) {
      await db.close()
      return report({ isAbsent: true }, 0)
    }
    if (isLoaded && engine.isVolatile) await db.fillBatches(data.shuffled, data.values, BATCH)
    if (workload.isWarm) await db.scan(false)
    // NOTE: a workload has its keys and values made before it starts its clock.
    const figures = await measured(() => workload.run(db, data))
    const pendingBytes = db.bytesToCompact?.()
    const settleMs = await timed(() => db.settle())
    await db.close()
    const { maxRSS } = process.resourceUsage()
    const reopenMs = await timed(async () => void (db = await engine.open(place, options)))
    await db.close()
    const all = {
      ...figures,
      openMs,
      reopenMs,
      settleMs,
      pendingBytes,
      peakBytes: maxRSS * 1024,
      sizeBytes: sizeOf(directory),
    }
    report({ ...all, value: workload.value?.(all) }, othersCores())
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A copy of the engine's database with all entries, settled; it is made by the first who needs it. */
function takeLoaded(directory) {
  if (!existsSync(loaded)) {
    const child = [process.argv[1], 'load', engineName, kind, entries, valueBytes].map(String)
    const { status } = spawnSync(process.execPath, child, { stdio: 'inherit' })
    if (status !== 0) throw new Error(`the database of ${engineName} could not be made`)
  }
  // NOTE: a lock that is a socket is nobody's in the copy.
  cpSync(loaded, directory, { recursive: true, filter: (from) => !lstatSync(from).isSocket() })
  // NOTE: what was copied is written now, not by the kernel while the clock runs.
  for (const file of filesOf(directory)) {
    const descriptor = openSync(file, 'r')
    fsyncSync(descriptor)
    closeSync(descriptor)
    if (workload.isEvicted) execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
  }
}

async function load() {
  const making = `${loaded}.${process.pid}`
  mkdirSync(making, { recursive: true })
  const db = await engine.open(join(making, 'db'), { strings })
  await db.fillBatches(data.shuffled, data.values, Math.min(BATCH, Math.ceil(4194304 / valueBytes)))
  await db.settle()
  await db.close()
  renameSync(making, loaded)
}

function sizeOf(folder) {
  return filesOf(folder).reduce((sum, file) => sum + statSync(file).size, 0)
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
