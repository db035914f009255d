import { describe, expect, it } from 'vitest'
import type { VerifyReport } from '../../src/engine/verify-report.ts'
import { engineOf, filesEnding, keeperOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { withSmallLevels } from '../support/small-compactions.ts'
import { expectCode, openText, type TextDatabase } from './support.ts'

const numbered = (i: number): string => String(i).padStart(6, '0')

/** Tables on several levels, large values, tombstones, versions that a snapshot keeps, another keyspace, something in the journal. */
async function everything(fileSystem: FaultyFileSystem): Promise<TextDatabase> {
  const db = withSmallLevels(await openText(fileSystem, { memtableSize: 32_768 }))
  const other = db.keyspaceSync('other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < 2000; i++) {
    db.putSync(numbered((i * 7919) % 1500), `${i} ${'x'.repeat(i % 90)}`)
    if (i % 3 === 0) other.putSync(numbered(i), 'y'.repeat(20))
    if (i % 400 === 0) db.putSync(`large ${i}`, `${i}`.repeat(30_000))
  }
  db.compactSync()
  db.snapshot()
  for (let i = 0; i < 300; i++) db.putSync(numbered(i * 3), `new ${i}`)
  for (let i = 0; i < 300; i++) db.deleteSync(numbered(i * 4))
  db.flushSync()
  for (let i = 0; i < 50; i++) other.putSync(numbered(i), 'in the journal')
  return db
}

const messages = (report: VerifyReport): string[] => report.problems.map(({ message }) => message)

describe('verify', () => {
  it('finds nothing in a healthy database, and counts what it read', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await everything(fileSystem)
    const report = await db.verify()
    expect(messages(report)).toEqual([])
    const { keyspaces } = db.stats()
    expect(report.tables).toBe(keyspaces.reduce((sum, { tables }) => sum + tables, 0))
    expect(report.tables).toBeGreaterThan(5)
    expect(report.entries).toBe(keyspaces.reduce((sum, { tableEntries }) => sum + tableEntries, 0))
    expect(report.blocks).toBeGreaterThan(report.tables * 4)
    await db.close()
    const again = await openText(fileSystem)
    expect(messages(await again.verify())).toEqual([])
    await again.close()
    const empty = await openText()
    expect(await empty.verify()).toMatchObject({ tables: 0, entries: 0, problems: [] })
    await empty.close()
  })

  it('lets others go on, and keeps what it checks', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await everything(fileSystem)
    const done: number[] = []
    const verification = db.verify({
      onProgress: ({ doneBytes, totalBytes }) => done.push(doneBytes / totalBytes),
    })
    await new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < 500; i++) db.putSync(numbered(i), 'meanwhile')
    for (const snapshot of engineOf(db).snapshots) snapshot.end()
    db.compactSync()
    db.dropKeyspaceSync('other')
    db.clearSync()
    await db.compact()
    expect(messages(await verification)).toEqual([])
    expect(done.at(-1)).toBe(1)
    const memory = db.stats().memoryFreeBytes
    for (let i = 0; i < 100; i++) db.putSync(numbered(i), 'after it')
    db.clearSync()
    expect(db.stats().memoryFreeBytes).toBe(memory)
    expect(filesEnding(fileSystem, '.sst')).toEqual([])
    await db.close()
  })

  it('ends when it is aborted, and when the database is closed', async () => {
    const db = await everything(new FaultyFileSystem())
    const pages = db.stats().memoryFreeBytes
    await expectCode('ABORTED', () => db.verify({ signal: AbortSignal.abort() }))
    const controller = new AbortController()
    const verification = db.verify({ signal: controller.signal })
    controller.abort()
    await expectCode('ABORTED', () => verification)
    expect(db.stats().memoryFreeBytes).toBeGreaterThan(pages - 3_000_000)
    const closing = db.verify()
    const closed = db.close()
    await closing.catch((error: unknown) => expect(error).toMatchObject({ code: 'CLOSED' }))
    await closed
    await expectCode('CLOSED', () => db.verify())
  })

  it('refuses wrong arguments', async () => {
    const db = await openText()
    await expect(db.verify({ onProgress: 1 as never })).rejects.toThrow(TypeError)
    await expect(db.verify({ deep: true } as never)).rejects.toThrow(TypeError)
    await expect(db.verify({ signal: {} as never })).rejects.toThrow(TypeError)
    await db.close()
  })

  it('names every damaged table, and goes on', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await everything(fileSystem)
    const tables = filesEnding(fileSystem, '.sst')
    for (const name of tables) {
      const bytes = fileSystem.snapshotFiles().get(name) as Uint8Array
      bytes[200] = (bytes[200] as number) ^ 4
      fileSystem.putFile(name, bytes)
    }
    const report = await db.verify()
    expect(new Set(report.problems.map(({ file }) => file))).toEqual(new Set(tables))
    expect(report.problems.every(({ code }) => code === 'CORRUPT')).toBe(true)
    await db.close()
  })

  it('finds any flipped bit of any file that is open', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await everything(fileSystem)
    const random = mulberry32(11)
    const files = [...fileSystem.snapshotFiles()].filter(
      ([name, bytes]) => bytes.byteLength > 0 && /\.(sst|man|wal)$|^superblock/.test(name),
    )
    const live = new Set<string>()
    for (const tree of keeperOf(db).trees.values())
      for (const { file } of tree.files.values()) live.add(file.name)
    for (let round = 0; round < 150; round++) {
      const [name, bytes] = files[pick(random, files.length)] as [string, Uint8Array]
      if (name.endsWith('.sst') && !live.has(name)) continue
      const at = pick(random, bytes.byteLength)
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ (1 << pick(random, 8))
      fileSystem.putFile(name, damaged)
      const { problems } = await db.verify()
      expect(
        problems.map(({ file }) => file),
        `byte ${at} of ${name}`,
      ).toContain(name)
      fileSystem.putFile(name, bytes)
    }
    expect(messages(await db.verify())).toEqual([])
    await db.close()
  })
})
