// The entry point varve/level: an abstract-level database, in a project that has abstract-level.
import { join } from 'node:path'
import { AbstractLevel } from 'abstract-level'
import { VarveLevel } from 'varve/level'
import { expectCode, expectSame } from './expect.mjs'

export async function check(directory) {
  const path = join(directory, 'data')
  const database = new VarveLevel(path, { valueEncoding: 'json' })
  expectSame('what it extends', database instanceof AbstractLevel, true)
  await database.open()
  await database.put('käse', { isFresh: true })
  expectSame('get', await database.get('käse'), { isFresh: true })
  await database.batch([
    { type: 'put', key: 'a', value: 1 },
    { type: 'put', key: 'b', value: 2 },
    { type: 'del', key: 'käse' },
  ])
  expectSame('get after the batch', await database.get('käse'), undefined)
  const entries = []
  for await (const entry of database.iterator({ gte: 'a', reverse: true })) entries.push(entry)
  expectSame('the iterator', entries, [
    ['b', 2],
    ['a', 1],
  ])
  const second = new VarveLevel(path)
  const refused = await expectCode('a second open', 'LEVEL_DATABASE_NOT_OPEN', () => second.open())
  expectSame('why', refused.cause?.code, 'LOCKED')
  await database.close()
  const again = new VarveLevel(path, { valueEncoding: 'json' })
  await again.open()
  expectSame('get after opening again', await again.get('b'), 2)
  await again.close()
}
