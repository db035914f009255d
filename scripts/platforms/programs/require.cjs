// The package as CommonJS gets it.
const { join } = require('node:path')
const { VarveError, open } = require('varve')

exports.check = async function check(directory) {
  const { expectCode, expectSame } = await import('./expect.mjs')
  const path = join(directory, 'data')
  const options = { keyEncoding: 'utf8', valueEncoding: 'json' }
  const database = await open(path, options)
  const other = await database.keyspace('other', options)
  await database.put('käse', { isFresh: true })
  await database.batch().put('a', 1).put(other, 'b', 2).commit()
  expectSame('get', await database.get('käse'), { isFresh: true })
  expectSame('the batch', [database.getSync('a'), other.getSync('b')], [1, 2])
  // A background thread, where there are threads.
  await database.flush()
  await database.compact()
  await database.close()
  const again = await open(path, options)
  expectSame('get after opening again', await again.get('käse'), { isFresh: true })
  const error = await expectCode('opening it twice', 'LOCKED', () => open(path, options))
  expectSame('what it throws', error instanceof VarveError, true)
  // One instance of the package, whichever way it is loaded.
  expectSame('what import gets', (await import('varve')).open, open)
  await again.close()
}
