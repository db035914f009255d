import { createHash } from 'node:crypto'
import { timed, whole } from './report.mjs'

/** Takes a snapshot, overwrites a country, and reads both views. @returns the digest of the latest one */
export async function compareViews(database, { sortedKeys }, report) {
  report.heading('5. A snapshot and the present, side by side')
  const before = await digestOf(database)
  const snapshot = database.snapshot()
  const iceland = sortedKeys.filter((key) => key.startsWith('IS/'))
  const [renamed, deleted] = iceland
  const added = 'IS/Varvetown/64.5,-18.5'

  const changes = database.batch()
  for (const key of iceland) {
    const city = await database.get(key)
    changes.put(key, { ...city, name: city.name.toUpperCase() })
  }
  changes.delete(deleted)
  changes.put(added, { name: 'Varvetown', lat: '64.5', lng: '-18.5', country: 'IS' })
  const count = changes.length
  const { seconds } = await timed(() => changes.commit({ durability: 'sync' }))
  console.log(
    `One atomic batch of ${whole(count)} changes, synced to the disk in ${(seconds * 1000).toFixed(1)} ms.`,
  )

  const rows = []
  for (const key of [renamed, deleted, added]) {
    const then = await snapshot.get(key)
    const now = await database.get(key)
    rows.push([key, then?.name ?? '(absent)', now?.name ?? '(absent)'])
  }
  report.table(['key', 'snapshot', 'now'], rows)
  const asBefore = await digestOf(snapshot)
  const after = await digestOf(database)
  const [[, renamedThen, renamedNow], [, deletedThen, deletedNow], [, addedThen, addedNow]] = rows
  report.claim('the snapshot has not changed by a byte', asBefore === before)
  report.claim(
    'the present shows what was overwritten, deleted and added',
    after !== before &&
      renamedNow === renamedThen.toUpperCase() &&
      deletedThen !== '(absent)' &&
      deletedNow === '(absent)' &&
      addedThen === '(absent)' &&
      addedNow === 'Varvetown',
  )
  snapshot.close()
  return after
}

/** Opens the database again and compares it with what it was when it was closed. */
export async function reopenAndCompare(reopen, digest, report) {
  report.heading('6. Close and open again')
  const { result: database, seconds } = await timed(reopen)
  console.log(`Opened in ${(seconds * 1000).toFixed(0)} ms.`)
  report.claim('it is the same to the byte', (await digestOf(database)) === digest)
  await database.close()
}

/** SHA-256 of all entries in order. */
async function digestOf(view) {
  const hash = createHash('sha256')
  for await (const [key, value] of view.range()) hash.update(`${key}\0${JSON.stringify(value)}\0`)
  return hash.digest('hex')
}
