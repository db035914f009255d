import { describe, expect, it } from 'vitest'
import { expectCode, openText, SMALL_MEMORY, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'

type Files = ReadonlyMap<string, Uint8Array>

/** The directory as the next process finds it after this one was killed. */
function killed(fileSystem: FaultyFileSystem): FaultyFileSystem {
  return fileSystem.crashImage('keepAll', mulberry32(1))
}

function same(a: Files, b: Files): void {
  expect([...b.keys()].sort()).toEqual([...a.keys()].sort())
  for (const [name, bytes] of a) expect(Buffer.compare(bytes, b.get(name) as Uint8Array), name).toBe(0)
}

async function filled(fileSystem: FaultyFileSystem): Promise<TextDatabase> {
  const db = await openText(fileSystem, { memtableSize: 4096 })
  const users = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  for (let i = 0; i < 200; i++) {
    db.putSync(`k${i}`, `v${i}`.repeat(5))
    if (i % 10 === 0) users.putSync(`u${i}`, `w${i}`)
  }
  db.flushSync()
  for (let i = 0; i < 20; i++) db.putSync(`late${i}`, `v${i}`)
  return db
}

function expectFilled(db: TextDatabase): void {
  expect([...db.keysSync()].length).toBe(220)
  for (let i = 0; i < 200; i++) expect(db.getSync(`k${i}`)).toBe(`v${i}`.repeat(5))
  for (let i = 0; i < 20; i++) expect(db.getSync(`late${i}`)).toBe(`v${i}`)
  const users = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  expect([...users.keysSync()].length).toBe(20)
}

function fileOf(files: Files, extension: string): string {
  const name = [...files.keys()].filter((file) => file.endsWith(extension)).sort()[0]
  if (name === undefined) throw new Error(`no ${extension} file`)
  return name
}

describe('reopening', () => {
  it('writes nothing to a cleanly closed database before its first write', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await filled(fileSystem)
    await db.close()
    const before = fileSystem.snapshotFiles()
    for (let round = 0; round < 3; round++) {
      const again = await openText(fileSystem)
      expectFilled(again)
      expect(again.recovery).toEqual({ droppedBytes: 0, droppedFrom: '', reason: '' })
      await again.close()
      same(before, fileSystem.snapshotFiles())
    }
    const writer = await openText(fileSystem)
    writer.putSync('first', 'write')
    expect(writer.stats().epoch).toBe(2)
    await writer.close()
    const last = await openText(fileSystem)
    expect(last.getSync('first')).toBe('write')
    await last.close()
  })

  it('finds everything acknowledged after a kill, again and again', async () => {
    let fileSystem = new FaultyFileSystem()
    let db = await filled(fileSystem)
    for (let round = 0; round < 5; round++) {
      fileSystem = killed(fileSystem)
      db = await openText(fileSystem, { memtableSize: 4096 })
      expectFilled(db)
      db.putSync('round', String(round))
      fileSystem = killed(fileSystem)
      db = await openText(fileSystem)
      expect(db.getSync('round')).toBe(String(round))
      db.deleteSync('round')
    }
    await db.close()
  })

  it('goes on with seqnos after epochs without a journal', async () => {
    const fileSystem = new FaultyFileSystem()
    const first = await openText(fileSystem)
    first.putSync('a', '1')
    await first.close()
    const none = await openText(fileSystem, { durability: 'none' })
    for (let i = 0; i < 50; i++) none.putSync('a', `none ${i}`)
    none.putSync('b', '1')
    await none.close()
    let image = killed(fileSystem)
    for (let round = 0; round < 3; round++) {
      const db = await openText(image)
      expect(db.getSync('a')).toBe(round === 0 ? 'none 49' : `round ${round - 1}`)
      db.putSync('a', `round ${round}`)
      image = killed(image)
    }
    const crashed = await openText(image, { durability: 'none' })
    crashed.putSync('lost', 'x')
    image = killed(image)
    const db = await openText(image)
    expect(db.getSync('a')).toBe('round 2')
    expect(db.getSync('lost')).toBeUndefined()
    db.putSync('c', '1')
    image = killed(image)
    const last = await openText(image)
    expect(last.getSync('c')).toBe('1')
    await last.close()
  })

  it('drops what a dropped keyspace held from journals, tables and memory', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await filled(fileSystem)
    db.dropKeyspaceSync('users')
    const image = killed(fileSystem)
    const again = await openText(image)
    expect(again.keyspaces()).toEqual([])
    const users = again.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    expect([...users.keysSync()]).toEqual([])
    await again.close()
    await db.close()
  })

  it('names file and offset of what is damaged, changes nothing, and deletes nothing', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await filled(fileSystem)
    await db.close()
    const files = fileSystem.snapshotFiles()
    for (const extension of ['.sst', '.man', '.wal']) {
      const name = fileOf(files, extension)
      const damaged = new Map(files)
      const bytes = Uint8Array.from(files.get(name) as Uint8Array)
      bytes[30] = (bytes[30] as number) ^ 16
      damaged.set(name, bytes)
      const image = FaultyFileSystem.fromFiles(damaged)
      const error = await expectCode('CORRUPT', () => openText(image))
      expect(error.file).toBe(name)
      expect(error.offset).toBeTypeOf('number')
      same(damaged, image.snapshotFiles())
    }
  })

  it('says MISSING_FILE for every file that is gone, never an empty database', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await filled(fileSystem)
    await db.close()
    const files = fileSystem.snapshotFiles()
    for (const name of files.keys()) {
      const left = new Map(files)
      left.delete(name)
      const image = FaultyFileSystem.fromFiles(left)
      const error = await expectCode('MISSING_FILE', () => openText(image))
      expect(error.file).toBe(name)
      same(left, image.snapshotFiles())
    }
    const left = new Map([...files].filter(([name]) => !name.startsWith('superblock')))
    await expectCode('MISSING_FILE', () => openText(FaultyFileSystem.fromFiles(left)))
  })

  it('reports what it cut off a torn log, or refuses under strict', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await filled(fileSystem)
    const image = killed(fileSystem)
    const files = image.snapshotFiles()
    const name = [...files.keys()]
      .filter((file) => file.endsWith('.wal'))
      .sort()
      .at(-1)
    const torn = new Map(files)
    const bytes = files.get(name) as Uint8Array
    // NOTE: zeros may follow the last frame.
    torn.set(name, bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) - 3))
    // Both images are of the first boot: the process was killed, the machine went on.
    await expectCode('CORRUPT', () => openText(FaultyFileSystem.fromFiles(torn), { recovery: 'strict' }))
    const cut = await openText(FaultyFileSystem.fromFiles(torn))
    expect(cut.recovery.droppedBytes).toBeGreaterThan(0)
    expect(cut.recovery.droppedFrom.startsWith(`${name}:`)).toBe(true)
    expect(cut.recovery.reason).not.toBe('')
    expect(cut.getSync('late18')).toBe('v18')
    expect(cut.getSync('late19')).toBeUndefined()
    await cut.close()
    await db.close()
  })

  it('finds a flipped bit in a table when it is read, and serves the rest', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let i = 0; i < 5_000; i++) db.putSync(`key ${String(i).padStart(6, '0')}`, `value ${i}`)
    await db.flush()
    await db.close()
    const files = fileSystem.snapshotFiles()
    const name = fileOf(files, '.sst')
    const bytes = Uint8Array.from(files.get(name) as Uint8Array)
    bytes[500] = (bytes[500] as number) ^ 1
    const image = FaultyFileSystem.fromFiles(new Map([...files, [name, bytes]]))
    const again = await openText(image)
    const error = await expectCode('CORRUPT', () => again.getSync('key 000000'))
    expect(error.file).toBe(name)
    await expectCode('CORRUPT', () => [...again.keysSync()])
    expect(again.getSync('key 004999')).toBe('value 4999')
    expect(again.firstSync({ gte: 'key 004000' })).toEqual(['key 004000', 'value 4000'])
    await again.close()
  })
})

describe('creating', () => {
  it('obeys createIfMissing and errorIfExists', async () => {
    const fileSystem = new FaultyFileSystem()
    await expectCode('NOT_FOUND', () => openText(fileSystem, { createIfMissing: false }))
    const db = await openText(fileSystem, { errorIfExists: true })
    await expectCode('LOCKED', () => openText(fileSystem))
    await db.close()
    await expectCode('EXISTS', () => openText(fileSystem, { errorIfExists: true }))
    const again = await openText(fileSystem, { createIfMissing: false })
    await again.close()
  })

  it('refuses a directory of strangers and leaves it alone', async () => {
    const image = FaultyFileSystem.fromFiles(new Map([['thesis.doc', new Uint8Array([1, 2, 3])]]))
    await expectCode('EXISTS', () => openText(image))
    expect([...image.snapshotFiles().keys()]).toEqual(['thesis.doc'])
    const junk = FaultyFileSystem.fromFiles(new Map([['Thumbs.db', new Uint8Array([1])]]))
    const db = await openText(junk)
    await db.close()
    expect(junk.snapshotFiles().has('Thumbs.db')).toBe(true)
  })
})

describe('a memory that is small for the load', () => {
  it('flushes on the writing thread through one long turn', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memoryLimit: SMALL_MEMORY, threads: 0 })
    const value = 'x'.repeat(100)
    for (let i = 0; i < 200_000; i++) db.putSync(String((i * 7919) % 200_000).padStart(16, '0'), value)
    expect(db.stats().keyspaces[0]?.tables).toBeGreaterThan(5)
    expect(db.getSync('0'.repeat(16))).toBe(value)
    let count = 0
    for (const key of db.keysSync()) {
      if (Number(key) !== count) expect(key).toBe(String(count))
      count++
    }
    expect(count).toBe(200_000)
    await db.close()
  })
})
