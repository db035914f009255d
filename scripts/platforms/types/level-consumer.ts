// What a user of varve/level writes, in a project that has abstract-level.
import { LevelError, VarveLevel, type OpenOptions } from 'varve/level'

interface User {
  born: number
}

const options: OpenOptions = { durability: 'sync', cacheSize: 8_000_000 }

export async function use(path: string): Promise<number | undefined> {
  const database = new VarveLevel<string, User>(path, { valueEncoding: 'json' })
  await database.open(options)
  await database.put('ada', { born: 1815 }, { sync: true })
  await database.batch([{ type: 'del', key: 'bob' }])
  for await (const [key, user] of database.iterator({ gte: 'a' })) key.concat(user.born.toFixed())
  const users = database.sublevel<string, string>('users', { valueEncoding: 'utf8' })
  const name: string | undefined = await users.get('ada')
  // @ts-expect-error: not a user
  await database.put('bob', name)
  try {
    await database.close()
  } catch (error) {
    if (error instanceof LevelError) error.code.concat(error.message)
  }
  return (await database.get('ada'))?.born
}
