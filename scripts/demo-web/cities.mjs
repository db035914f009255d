/** Cities in the database: `city/<name in small letters>/<country>/<place>`. */
const PREFIX = 'city/'
const BATCH_ENTRIES = 1000
const DONE = 'cities loaded'

/** Loads them, unless that was done before. `onProgress`: told the part that is done. */
export async function loadCities(db, onProgress) {
  if ((await db.get(DONE)) !== undefined) return false
  const response = await fetch('/cities.json')
  if (!response.ok) throw new Error(`the cities did not come: ${response.status} ${response.statusText}`)
  const cities = await response.json()
  let batch = db.batch()
  for (const [i, { name, country, lat, lng }] of cities.entries()) {
    batch.put(`${PREFIX}${name.toLowerCase()}/${country}/${lat},${lng}`, { name, country, lat, lng })
    if (batch.length < BATCH_ENTRIES) continue
    await batch.commit()
    onProgress(i / cities.length)
    batch = db.batch()
  }
  await batch.commit()
  await db.put(DONE, cities.length, { durability: 'sync' })
  return true
}

/** The first cities whose names begin so, and how many there are. */
export async function search(db, text, limit, signal) {
  const prefix = PREFIX + text.toLowerCase()
  const [found, count] = await Promise.all([
    db.values({ prefix, limit, signal }).toArray(),
    db.count({ prefix, limit: 100_000, signal }),
  ])
  return { found, count }
}
