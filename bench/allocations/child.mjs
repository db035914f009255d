// What one call of one engine allocates, in a process of its own: child.mjs <engine> <call>
import { othersCores } from '../concurrency/machine.mjs'
import { report } from '../concurrency/rounds.mjs'
import { halfCompressibleValues, shuffledKeys } from '../data.mjs'
import { inFlight } from '../engines/in-flight.mjs'
import { withDirectory } from '../measure.mjs'
import { ENGINES } from './engines.mjs'
import { bytesPerAsyncOperation, bytesPerOperation } from './heap.mjs'

const ENTRIES = 50_000
const PUTS = 100_000
/** Puts between two collections. */
const PIECE = 10_000

const [engine, call] = process.argv.slice(2)
const keys = shuffledKeys(ENTRIES)
const values = halfCompressibleValues(ENTRIES)
await withDirectory(async (directory) => {
  const db = await ENGINES[engine](directory)
  const bytes = db[call] === undefined ? undefined : await bytesOf(db)
  await db.close()
  report({ bytes }, othersCores())
})
process.exit(0)

async function bytesOf(db) {
  if (call === 'put') return bytesPerAsyncOperation((from, to) => putInFlight(db, from, to), PUTS, PIECE)
  // NOTE: no put() before a synchronous call is measured: what it leaves behind would be measured too.
  if (call === 'putSync') return bytesPerOperation((i) => db.putSync(keys[i % ENTRIES], values[i % ENTRIES]))
  await fill(db)
  let sink
  const bytes = call.startsWith('range')
    ? await bytesPerAsyncOperation(async () => (sink = await db[call]()), ENTRIES, ENTRIES)
    : bytesPerOperation((i) => {
        sink = db[call](keys[i % ENTRIES])
      })
  if (sink === undefined) throw new Error('nothing was measured')
  return bytes
}

async function fill(db) {
  if (db.putSync === undefined) return putInFlight(db, 0, ENTRIES)
  for (let i = 0; i < ENTRIES; i++) db.putSync(keys[i], values[i])
}

function putInFlight(db, from, to) {
  const at = (i) => (from + i) % ENTRIES
  return inFlight(to - from, (i) => db.put(keys[at(i)], values[at(i)]))
}
