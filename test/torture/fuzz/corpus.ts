/** Files of a database that went through everything, for mutations to begin with. */
import { openOn } from '../../../src/api/open.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { withSmallLevels } from '../../support/small-compactions.ts'

/** By name. A second open, killed, leaves a journal that was never sealed. */
export async function databaseFiles(): Promise<Map<string, Uint8Array>> {
  const files = new FaultyFileSystem()
  const open = async () =>
    withSmallLevels(
      await openOn(files, {
        memoryLimit: 16 * 1_048_576,
        memtableSize: 4096,
        threads: 0,
        keyEncoding: 'utf8',
        valueEncoding: 'utf8',
        tables: { compression: ['none', 'lz4'], blockSize: 1024 },
      }),
    )
  const db = await open()
  const users = await db.keyspace('users')
  for (let i = 0; i < 120; i++) {
    db.putSync(`key ${i % 40}`, `${i} ${'value '.repeat(i % 9)}`)
    if (i % 5 === 0) db.deleteSync(`key ${(i * 7) % 40}`)
    await db.batch().put(users, `u${i}`, 'x'.repeat(i)).put('both', `${i}`).commit()
  }
  db.putSync('large', 'extent '.repeat(6000))
  await db.flush()
  await db.keyspace('dropped')
  await db.dropKeyspace('dropped')
  await db.close()
  const again = await open()
  for (let i = 0; i < 12; i++) again.putSync(`late ${i}`, `${i}`)
  again.putSync('large', 'extent '.repeat(5000))
  const found = files.snapshotFiles()
  await again.close()
  return new Map([...found, ...[...files.snapshotFiles()].filter(([name]) => !found.has(name))])
}
