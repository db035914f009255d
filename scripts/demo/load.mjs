import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { timed } from './report.mjs'

const BATCH_ENTRIES = 1000

/** Writes all cities in atomic batches, then reads them all back in order. */
export async function loadCities(database, { records, entries, sortedKeys }, directory, report) {
  report.heading('1. Load the cities of the world')
  const { seconds } = await timed(async () => {
    let batch = database.batch()
    for (const [key, city] of entries) {
      batch.put(key, city)
      if (batch.length === BATCH_ENTRIES) {
        await batch.commit()
        batch = database.batch()
      }
    }
    await batch.commit()
  })
  await database.flush()
  const walk = await timed(async () => {
    let position = 0
    let inOrder = true
    for await (const key of database.keys()) inOrder &&= key === sortedKeys[position++]
    return { count: position, inOrder }
  })
  const { tables, tableBytes } = database.stats().keyspaces.find(({ name }) => name === '')
  report.table(
    ['step', 'entries', 'seconds', 'entries/s'],
    [
      ['load in batches of 1,000, JSON values', entries.size, seconds.toFixed(2), entries.size / seconds],
      [
        'walk all keys in order',
        walk.result.count,
        walk.seconds.toFixed(2),
        walk.result.count / walk.seconds,
      ],
    ],
  )
  const directoryBytes = readdirSync(directory).reduce(
    (sum, name) => sum + statSync(join(directory, name)).size,
    0,
  )
  console.log(
    `On disk: ${tables} tables of ${mebibytes(tableBytes)}, ${mebibytes(directoryBytes)} with journals.`,
  )
  report.claim(
    'the data set has more than 100,000 records, each with a key of its own',
    records === entries.size && records > 100_000,
  )
  report.claim(
    'every city is there, in the order of its key',
    walk.result.inOrder && walk.result.count === entries.size,
  )
}

function mebibytes(bytes) {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
