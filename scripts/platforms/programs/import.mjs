// The package as a module: everything an application does in its life, and once more after opening it again.
import { Buffer } from 'node:buffer'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { VarveError, destroy, open } from 'varve'
import { expectCode, expectSame } from './expect.mjs'

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' }
const documents = { keyEncoding: 'utf8', valueEncoding: 'json' }
const LARGE_BYTES = 100 * 1024
const MANY = 20_000
/** Two, three and four bytes a character, a mark at the start, short ones and long ones. */
const TEXTS = [
  'grüße',
  '\uFEFFmark',
  '漢字',
  '🎉',
  '',
  'ä'.repeat(33),
  '🎉漢ü'.repeat(700),
  'plain'.repeat(50),
]

export async function check(directory) {
  const path = join(directory, 'data')
  const large = new Uint8Array(LARGE_BYTES).map((_byte, at) => (at * 31) & 255)
  const database = await open(path, text)
  const users = await database.keyspace('users', documents)
  const blobs = await database.keyspace('blobs')
  await write(database, users, blobs, large)
  await readInPlace(database, blobs, large)
  const snapshot = database.snapshot()
  await database.put('greeting', 'changed')
  expectSame('the value in the snapshot', await snapshot.get('greeting'), 'hello')
  expectSame('the value beside the snapshot', await database.get('greeting'), 'changed')
  snapshot.close()
  await database.put('greeting', 'hello')
  await readAll(database, users, blobs, large)
  await database.flush()
  await readAll(database, users, blobs, large)
  await database.compact()
  await readAll(database, users, blobs, large)
  expectSame('what verify() finds', (await database.verify()).problems, [])
  await database.close()
  const closed = await expectCode('a read after close()', 'CLOSED', () => database.get('greeting'))
  expectSame('what it throws', closed instanceof VarveError, true)

  const again = await open(path, { ...text, errorIfExists: false, createIfMissing: false })
  await readAll(
    again,
    await again.keyspace('users', documents),
    await again.keyspace('blobs', { valueEncoding: 'buffer' }),
    Buffer.from(large),
  )
  expectSame('what recovery cut off', again.recovery.droppedBytes, 0)
  await expectCode('destroying it while it is open', 'LOCKED', () => destroy(path))
  await again.close()
  await failAsDocumented(directory, path)
  await destroy(path)
  expectSame('what destroy() leaves', readdirSync(directory), [])
}

async function write(database, users, blobs, large) {
  await database.put('greeting', 'hello')
  await Promise.all(TEXTS.map((value, at) => database.put(`text ${at} ${value}`, value)))
  for (let at = 0; at < MANY; at++) database.putSync(numbered(at), `value ${at}`)
  await database
    .batch()
    .put('pair', 'left')
    .put(users, 'ada', { born: 1815, name: 'Ada Löväläce' })
    .delete(numbered(0))
    .commit({ durability: 'sync' })
  await users.put('grace', { born: 1906, tags: ['🎉', null] })
  await blobs.put('large', large)
  await blobs.put(new Uint8Array([0, 255]), new Uint8Array([255, 0, 128]))
}

async function readInPlace(database, blobs, large) {
  const slice = blobs.getSlice('large')
  expectSame('the large slice', slice.copy(), large)
  slice.release()
  const key = `text 6 ${TEXTS[6]}`
  expectSame('the text of a slice', `${database.getSlice(key)}`, TEXTS[6])
  const kept = database.getSlice('greeting')
  database.getSync('pair')
  await expectCode('a slice that is too old', 'STALE_SLICE', async () => kept.bytes)
  let bytes = 0
  for (const [, value] of database.rangeSync({ prefix: 'n', slices: true })) bytes += value.length
  expectSame('bytes of all values', bytes, sumOfLengths())
}

async function readAll(database, users, blobs, large) {
  expectSame('get', await database.get('greeting'), 'hello')
  expectSame('an absent key', await database.get('absent'), undefined)
  for (const [at, value] of TEXTS.entries()) {
    expectSame('a text', await database.get(`text ${at} ${value}`), value)
  }
  expectSame(
    'the texts in a range',
    (await collect(database.values({ prefix: 'text ' }))).sort(),
    [...TEXTS].sort(),
  )
  expectSame('count', await database.count({ prefix: 'n' }), MANY - 1)
  expectSame(
    'a range',
    await collect(database.range({ gte: numbered(10), lt: numbered(20), reverse: true, limit: 2 })),
    [
      [numbered(19), 'value 19'],
      [numbered(18), 'value 18'],
    ],
  )
  expectSame('getMany', await database.getMany([numbered(0), numbered(1)]), [undefined, 'value 1'])
  expectSame('one half of the batch', await database.get('pair'), 'left')
  expectSame('its other half', await users.get('ada'), { born: 1815, name: 'Ada Löväläce' })
  expectSame('JSON', await users.get('grace'), { born: 1906, tags: ['🎉', null] })
  expectSame('the large value', await blobs.get('large'), large)
  expectSame('bytes', [...(await blobs.get(new Uint8Array([0, 255])))], [255, 0, 128])
}

/** Errors of the host come with other words, and sometimes other codes, on other runtimes. */
async function failAsDocumented(directory, path) {
  await expectCode('a missing database', 'NOT_FOUND', () =>
    open(join(directory, 'none'), { createIfMissing: false }),
  )
  await expectCode('a missing parent', 'NOT_FOUND', () => open(join(directory, 'none', 'data')))
  await expectCode('a database that is there', 'EXISTS', () => open(path, { ...text, errorIfExists: true }))
}

function numbered(at) {
  return `n${String(at).padStart(6, '0')}`
}

function sumOfLengths() {
  let sum = 0
  for (let at = 1; at < MANY; at++) sum += `value ${at}`.length
  return sum
}

async function collect(range) {
  const entries = []
  for await (const entry of range) entries.push(entry)
  return entries
}
