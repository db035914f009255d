// What an application does with a level database, whichever way it has loaded the package.
import { join } from 'node:path'
import { expectCode, expectSame } from './expect.mjs'

/** @param loaded VarveLevel and AbstractLevel, as the caller got them */
export async function useLevel({ VarveLevel, AbstractLevel }, directory) {
  const path = join(directory, 'data')
  const database = new VarveLevel(path, { valueEncoding: 'json' })
  expectSame('what it extends', database instanceof AbstractLevel, true)
  await write(database)
  await readAll(database)
  const second = new VarveLevel(path)
  const refused = await expectCode('a second open', 'LEVEL_DATABASE_NOT_OPEN', () => second.open())
  expectSame('why', refused.cause?.code, 'LEVEL_LOCKED')
  await database.close()
  await expectCode('get after close()', 'LEVEL_DATABASE_NOT_OPEN', () => database.get('a'))
  const again = new VarveLevel(path, { valueEncoding: 'json' })
  await readAll(again)
  await again.close()
}

/** It opens by itself: the first of these waits for that. */
async function write(database) {
  await database.put('käse', { isFresh: true })
  expectSame('get before the batch', await database.get('käse'), { isFresh: true })
  const users = database.sublevel('users', { valueEncoding: 'utf8' })
  await database.batch([
    { type: 'put', key: 'a', value: 1 },
    { type: 'put', key: 'b', value: { tags: ['🎉', null] } },
    { type: 'put', key: 'ada', value: 'Löväläce', sublevel: users },
    { type: 'del', key: 'käse' },
  ])
  await database.batch().put('c', 'grüße').del('absent').write()
  await users.put('grace', 'Hopper')
}

async function readAll(database) {
  expectSame('what the batch deleted', await database.get('käse'), undefined)
  expectSame('getMany', await database.getMany(['a', 'absent', 'c']), [1, undefined, 'grüße'])
  const entries = []
  for await (const entry of database.iterator({ gte: 'a', lte: 'b', reverse: true })) entries.push(entry)
  expectSame('the iterator', entries, [
    ['b', { tags: ['🎉', null] }],
    ['a', 1],
  ])
  const users = database.sublevel('users', { valueEncoding: 'utf8' })
  expectSame('the sublevel', await users.iterator().all(), [
    ['ada', 'Löväläce'],
    ['grace', 'Hopper'],
  ])
}
