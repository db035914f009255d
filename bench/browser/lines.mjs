/** What is measured with each engine, on a page and in a worker. `isIn`: where there is such a call. */
import { ENTRIES, keyOf, randomKeys, shuffledEntries } from './data.mjs'

const BATCH = 1000
const IN_FLIGHT = 100

const counts = { put: 2000, get: 4000, inFlight: 20_000, now: 50_000 }

/** @returns operations per second by line, of an engine that is empty at first */
export async function measureLines(db) {
  const figures = {}
  const time = async (line, operations, step) => {
    const start = performance.now()
    await step()
    figures[line] = (operations * 1000) / (performance.now() - start)
  }
  const entries = shuffledEntries()
  const singles = entries.slice(0, counts.put)
  await time('put, each awaited', counts.put, async () => {
    for (const [key, value] of singles) await db.put(key, value)
  })
  await time('batches of 1,000', ENTRIES, async () => {
    for (let i = 0; i < ENTRIES; i += BATCH) await db.batch(entries.slice(i, i + BATCH))
  })
  const keys = randomKeys(counts.get, 5)
  await time('get, each awaited', counts.get, async () => {
    for (const key of keys) check(await db.get(key))
  })
  // NOTE: what was read a moment ago is in memory, wherever an engine has that.
  await time('the same once more', counts.get, async () => {
    for (const key of keys) check(await db.get(key))
  })
  const many = randomKeys(counts.inFlight, 6)
  await time('get, 100 in flight', counts.inFlight, async () => {
    for (let i = 0; i < many.length; i += IN_FLIGHT)
      for (const value of await db.getMany(many.slice(i, i + IN_FLIGHT))) check(value)
  })
  if (db.getNow !== undefined) {
    const nows = randomKeys(counts.now, 7)
    await time('get, at once', counts.now, async () => {
      for (const key of nows) check(db.getNow(key))
    })
  }
  await time('full scan', ENTRIES, async () => {
    const { entries: found, bytes } = await db.scan()
    if (found !== ENTRIES || bytes !== ENTRIES * 116)
      throw new Error(`the scan found ${found} entries, ${bytes} bytes`)
  })
  return figures
}

function check(value) {
  if (value === undefined || value.length !== 100) throw new Error('a value is missing')
}

/** The first answer of a page that has just begun. */
export async function firstAnswer(open) {
  const db = await open()
  check(await db.get(keyOf(77)))
  return db
}
