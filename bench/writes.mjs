import { open } from '../dist/index.js'
import { halfCompressibleValues, shuffledKeys } from './data.mjs'
import { printTable, row, timed, timedSync, withDirectory } from './measure.mjs'

const OPERATIONS = 1_000_000
const BATCH = 1_000
const TURN = 10_000
const SINGLE = 200_000
const SYNCED = 500

/** Durable writes of 1,000,000 entries in random order. The clock stops at the last acknowledgement. */
export async function run({ rounds }) {
  const keys = shuffledKeys(OPERATIONS)
  const values = halfCompressibleValues(OPERATIONS)
  const workloads = {
    async batches(db) {
      for (let i = 0; i < OPERATIONS;) {
        const batch = db.batch()
        for (const end = i + BATCH; i < end; i++) batch.put(keys[i], values[i])
        await batch.commit()
      }
    },
    async turns(db) {
      for (let i = 0; i < OPERATIONS;) {
        let last
        for (const end = i + TURN; i < end; i++) last = db.put(keys[i], values[i])
        await last
      }
    },
    async awaited(db) {
      for (let i = 0; i < SINGLE; i++) await db.put(keys[i], values[i])
    },
    singles(db) {
      for (let i = 0; i < SINGLE; i++) db.putSync(keys[i], values[i])
    },
    synced(db) {
      for (let i = 0; i < SYNCED; i++) db.putSync(keys[i], values[i], { durability: 'sync' })
    },
  }
  const times = {}
  const settle = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, workload] of Object.entries(workloads)) {
      await withDirectory(async (directory) => {
        const db = await open(directory, { durability: 'os' })
        const isSync = name === 'singles' || name === 'synced'
        ;(times[name] ??= []).push(isSync ? timedSync(() => workload(db)) : await timed(() => workload(db)))
        ;(settle[name] ??= []).push(await timed(() => db.flush()))
        await db.close()
      })
    }
  }
  const rows = [
    row('batches of 1,000, random', OPERATIONS, times.batches, 400_000, settle.batches),
    row('un-awaited put() in turns of 10,000, random', OPERATIONS, times.turns, 300_000, settle.turns),
    row('put(), each awaited, random', SINGLE, times.awaited, undefined, settle.awaited),
    row('putSync, random', SINGLE, times.singles, undefined, settle.singles),
    row("putSync, durability 'sync'", SYNCED, times.synced, undefined, settle.synced),
  ]
  printTable(`writes: entries of 16+100 B, durability 'os', median of ${rounds}`, rows)
  return rows
}
