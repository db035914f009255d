// What a user writes, compiled against the types of the packed package.
import { open, VarveError, type Database, type Keyspace, type Snapshot } from 'varve'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if both types are the same. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ['the types differ']): void {}

export async function use(path: string): Promise<void> {
  const database = await open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8', durability: 'sync' })
  same<typeof database, Database<'utf8', 'utf8'>>()
  const users = await database.keyspace('users', { keyEncoding: 'utf8', valueEncoding: 'json' })
  same<typeof users, Keyspace<'utf8', 'json'>>()
  const value = await database.get('k')
  same<typeof value, string | undefined>()
  const bytes = (await open(path)).getSync('k')
  same<typeof bytes, Uint8Array | undefined>()
  await database.batch().put('a', '1').put(users, 'b', { c: 1 }).commit({ durability: 'os' })
  for await (const [key, user] of users.range({ gte: 'a', reverse: true, limit: 1 })) {
    same<typeof key, string>()
    same<typeof user, unknown>()
  }
  const snapshot: Snapshot<'utf8', 'utf8'> = database.snapshot()
  snapshot.close()
  // @ts-expect-error: there is no such encoding
  await open(path, { keyEncoding: 'utf7' })
  // @ts-expect-error: a number is no key
  await database.put(1, 'v')
  try {
    await database.close()
  } catch (error) {
    if (error instanceof VarveError) same<typeof error.offset, number | undefined>()
  }
}
