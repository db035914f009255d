import { isDeepStrictEqual } from 'node:util'
import { placeOf } from './cities.mjs'
import { timed } from './report.mjs'

const LOOK_UPS = 50_000

/** Looks up by key, by prefix and in a reverse range, and compares each answer with the data set. */
export async function lookUp(database, cities, report) {
  await byKey(database, cities, report)
  await byPrefix(database, cities, report)
  await inReverse(database, cities, report)
}

async function byKey(database, { entries, sortedKeys }, report) {
  report.heading('2. Look up by key')
  const chosen = Array.from({ length: LOOK_UPS }, (_, at) => sortedKeys[(at * 7919) % sortedKeys.length])
  const { result: found, seconds } = await timed(() => chosen.map((key) => database.getSync(key)))
  const rows = chosen.slice(0, 3).map((key, at) => [key, found[at].name, placeOf(found[at])])
  report.table(['key', 'city', 'place'], rows)
  report.table(
    ['step', 'look-ups', 'seconds', 'look-ups/s'],
    [['getSync of random keys, JSON parsed', LOOK_UPS, seconds.toFixed(2), LOOK_UPS / seconds]],
  )
  report.claim(
    `${LOOK_UPS.toLocaleString('en-US')} look-ups give the right city`,
    chosen.every((key, at) => isDeepStrictEqual(found[at], entries.get(key))),
  )
  const absent = await database.get('XX/Atlantis/0,0')
  report.claim('a city that does not exist is undefined', absent === undefined)
}

async function byPrefix(database, { entries, sortedKeys }, report) {
  report.heading('3. Look up by prefix: cities of Iceland that begin with "H"')
  const prefix = 'IS/H'
  const expected = sortedKeys.filter((key) => key.startsWith(prefix))
  const found = []
  for await (const entry of database.range({ prefix })) found.push(entry)
  report.table(
    ['key', 'city', 'place'],
    found.slice(0, 5).map(([key, city]) => [key, city.name, placeOf(city)]),
  )
  report.claim(
    `the prefix finds exactly the ${expected.length} cities it should`,
    isDeepStrictEqual(
      found,
      expected.map((key) => [key, entries.get(key)]),
    ),
  )
}

async function inReverse(database, { sortedKeys }, report) {
  report.heading('4. Reverse range: the last five cities of Japan')
  const bounds = { gte: 'JP/', lt: 'JP0' }
  const found = []
  for await (const entry of database.range({ ...bounds, reverse: true, limit: 5 })) found.push(entry)
  report.table(
    ['key', 'city', 'place'],
    found.map(([key, city]) => [key, city.name, placeOf(city)]),
  )
  const expected = sortedKeys
    .filter((key) => key.startsWith('JP/'))
    .reverse()
    .slice(0, 5)
  report.claim(
    'they come from the largest key down',
    isDeepStrictEqual(
      found.map(([key]) => key),
      expected,
    ),
  )
}
