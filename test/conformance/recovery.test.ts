import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { open } from '../../src/index.ts'
import { openText, SMALL_MEMORY, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { type Entry, expectExactly, numbered } from './states.ts'

function killed(fileSystem: FaultyFileSystem): FaultyFileSystem {
  return fileSystem.crashImage('keepAll', mulberry32(1))
}

const endings: [string, (db: TextDatabase, fileSystem: FaultyFileSystem) => Promise<FaultyFileSystem>][] = [
  [
    'a clean close',
    async (db, fileSystem) => {
      await db.close()
      return fileSystem
    },
  ],
  ['a kill', (_db, fileSystem) => Promise.resolve(killed(fileSystem))],
  [
    'a flush and a kill',
    (db, fileSystem) => {
      db.flushSync()
      return Promise.resolve(killed(fileSystem))
    },
  ],
]

describe.each(endings)('after %s', (_name, end) => {
  it('seqnos go on behind the highest one, also if that was a deletion', async () => {
    for (const last of ['put', 'delete', 'batch'] as const) {
      const fileSystem = new FaultyFileSystem()
      const db = await openText(fileSystem)
      db.putSync('k', '1')
      db.putSync('l', '1')
      if (last === 'put') db.putSync('k', '2')
      else if (last === 'delete') db.deleteSync('k')
      else db.batch().put('k', '2').delete('l').put('k', '3').commitSync()
      const { seqno } = db.stats()
      const again = await openText(await end(db, fileSystem))
      expect(again.stats().seqno).toBe(seqno)
      expect(again.getSync('k')).toBe({ put: '2', delete: undefined, batch: '3' }[last])
      const snapshot = again.snapshot()
      again.putSync('k', 'new')
      expect(again.stats().seqno).toBe(seqno + 1)
      expect(again.getSync('k')).toBe('new')
      expect(snapshot.getSync('k')).toBe({ put: '2', delete: undefined, batch: '3' }[last])
      again.deleteSync('k')
      expect(again.getSync('k')).toBeUndefined()
      await again.close()
    }
  })

  it('many short sessions leave few journals', async () => {
    let fileSystem = new FaultyFileSystem()
    for (let round = 0; round < 60; round++) {
      const db = await openText(fileSystem)
      expect(db.countSync()).toBe(round)
      db.putSync(`k${round}`, 'v')
      expect(db.stats().journals).toBeLessThanOrEqual(10)
      fileSystem = await end(db, fileSystem)
      const journals = (await fileSystem.list()).filter((name) => name.endsWith('.wal'))
      expect(journals.length).toBeLessThanOrEqual(10)
    }
  })

  it('an empty database is empty, with and without a keyspace', async () => {
    let fileSystem = new FaultyFileSystem()
    for (let round = 0; round < 4; round++) {
      const db = await openText(fileSystem)
      expect(db.keyspaces()).toEqual(round < 2 ? [] : ['space'])
      if (round === 1) db.keyspaceSync('space')
      expectExactly(db, [], ['k'])
      expect([...db.keyspaceSync('space2').keysSync()]).toEqual([])
      db.dropKeyspaceSync('space2')
      fileSystem = await end(db, fileSystem)
    }
  })

  it('a database that holds nothing but deletions is empty', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    for (let i = 0; i < 100; i++) db.deleteSync(numbered(i))
    for (let i = 0; i < 100; i++) {
      db.putSync(numbered(i), 'x')
      db.deleteSync(numbered(i))
    }
    const again = await openText(await end(db, fileSystem))
    expectExactly(again, [], [numbered(0), numbered(99)])
    await again.close()
  })

  it('values larger than blocks, pages and journal buffers are there', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    const sizes = [65_535, 65_536, 65_537, 131_072, 400_000, 1_000_000]
    const entries = sizes.map((size, i): Entry => [numbered(i), String(i).repeat(size)])
    for (const [key, value] of entries) db.putSync(key, value)
    db.putSync('between', 'small')
    db.putSync(numbered(1), 'small now')
    entries[1] = [numbered(1), 'small now']
    const again = await openText(await end(db, fileSystem))
    expectExactly(again, [['between', 'small'], ...entries])
    await again.close()
  })

  it('sealed and active memtables of several keyspaces, over several journals, are there in the right order', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memtableSize: 32_768 })
    const spaces = ['', 'a', 'b'].map((name) =>
      name === '' ? db : db.keyspaceSync(name, { keyEncoding: 'utf8', valueEncoding: 'utf8' }),
    )
    const expected = spaces.map(() => new Map<string, string>())
    const random = mulberry32(5)
    for (let i = 0; i < 3000; i++) {
      const which = i % 17 === 0 ? 2 : i % 2
      const key = numbered(Math.floor(random() * 300))
      if (random() < 0.2) {
        spaces[which]?.deleteSync(key)
        expected[which]?.delete(key)
      } else {
        const value = `${i} ${'x'.repeat(i % 90)}`
        spaces[which]?.putSync(key, value)
        expected[which]?.set(key, value)
      }
    }
    const again = await openText(await end(db, fileSystem))
    expected.forEach((map, i) => {
      const space =
        i === 0
          ? again
          : again.keyspaceSync(i === 1 ? 'a' : 'b', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
      expectExactly(
        space,
        [...map].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    })
    await again.close()
  })

  it('everything is there again and again, whatever is added between', async () => {
    let fileSystem = new FaultyFileSystem()
    const entries: Entry[] = []
    for (let round = 0; round < 12; round++) {
      const db = await openText(fileSystem, { memtableSize: round % 3 === 0 ? 1 : 65_536 })
      expectExactly(db, entries, [`gone${round - 1}`])
      entries.push([numbered(round), `round ${round}`])
      db.putSync(numbered(round), `round ${round}`)
      db.putSync(`gone${round}`, 'x')
      if (round % 2 === 0) db.flushSync()
      db.deleteSync(`gone${round}`)
      fileSystem = await end(db, fileSystem)
    }
  })
})

describe('a log that is larger than the memtables of the next open', () => {
  it('is replayed whole, again and again', async () => {
    let fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memoryLimit: 64 * 1048576, memtableSize: 16 * 1048576 })
    const entries = Array.from({ length: 12 }, (_, i): Entry => [numbered(i), String(i % 10).repeat(250_000)])
    for (const [key] of entries) db.putSync(key, 'small before')
    for (const [key, value] of entries) db.putSync(key, value)
    for (let i = 0; i < 5000; i++) db.putSync('many', `${i}`)
    db.deleteSync(numbered(3))
    entries.splice(3, 1)
    expect(db.stats().keyspaces[0]).toMatchObject({ memtables: 1, tables: 0, memtableEntries: 5025 })
    for (let round = 0; round < 3; round++) {
      fileSystem = killed(fileSystem)
      const again = await openText(fileSystem, { memtableSize: 65_536 })
      expectExactly(again, [...entries, ['many', '4999']], [numbered(3)])
      const { memtableEntries, tableEntries } = again.stats().keyspaces[0] ?? {}
      // A flush on the way drops versions that nobody can ask for.
      expect((memtableEntries ?? 0) + (tableEntries ?? 0)).toBeLessThanOrEqual(5025)
    }
    await db.close()
  })
})

describe('files that nothing names', () => {
  const stray = ['00000000000fffff.sst', '00000000000ffffe.wal', '00000000000ffffd.man']

  it('are deleted when they have our names, by the first open that writes, and never read', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    db.putSync('a', '1')
    db.flushSync()
    db.putSync('b', '1')
    await db.close()
    const table = [...fileSystem.snapshotFiles()].find(([name]) => name.endsWith('.sst'))?.[1] as Uint8Array
    fileSystem.putFile(stray[0] as string, table)
    const reader = await openText(fileSystem)
    expect(fileSystem.snapshotFiles().has(stray[0] as string)).toBe(true)
    expect(reader.stats().keyspaces[0]).toMatchObject({ tables: 1, tableEntries: 1 })
    reader.putSync('c', '1')
    expect(fileSystem.snapshotFiles().has(stray[0] as string)).toBe(false)
    expectExactly(reader, [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ])
    const image = killed(fileSystem)
    await reader.close()
    image.putFile(stray[0] as string, table)
    image.putFile(stray[1] as string, new Uint8Array(5000).fill(7))
    image.putFile(stray[2] as string, Uint8Array.of(1, 2, 3))
    const again = await openText(image)
    expectExactly(again, [
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ])
    for (const name of stray) expect(image.snapshotFiles().has(name), name).toBe(false)
    await again.close()
  })
})

describe('a directory', () => {
  let parent = ''
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'varve-conformance-'))
  })
  afterEach(async () => {
    await rm(parent, { recursive: true, force: true })
  })

  const text = { keyEncoding: 'utf8', valueEncoding: 'utf8', memoryLimit: SMALL_MEMORY } as const

  async function fill(location: string): Promise<Entry[]> {
    const db = await open(location, text)
    const entries = Array.from({ length: 500 }, (_, i): Entry => [numbered(i), `value ${i}`])
    for (const [key, value] of entries.slice(0, 250)) db.putSync(key, value)
    db.flushSync()
    for (const [key, value] of entries.slice(250)) db.putSync(key, value)
    const other = db.keyspaceSync('../other', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    other.putSync('k', 'other')
    await db.close()
    return entries
  }

  it('copied to another place opens there with everything, and the first is independent of it', async () => {
    const from = join(parent, 'from')
    const to = join(parent, 'to')
    const entries = await fill(from)
    await mkdir(to)
    for (const entry of await readdir(from, { withFileTypes: true })) {
      // NOTE: the owner lock is a socket; it belongs to the place, not to the content.
      if (entry.isFile()) await copyFile(join(from, entry.name), join(to, entry.name))
    }
    const copy = await open(to, text)
    expectExactly(copy, entries)
    expect(copy.keyspaces()).toEqual(['../other'])
    copy.deleteSync(numbered(0))
    copy.flushSync()
    const original = await open(from, text)
    expectExactly(original, entries)
    await original.close()
    expectExactly(copy, entries.slice(1), [numbered(0)])
    await copy.close()
    expect((await readdir(parent)).sort()).toEqual(['from', 'to'])
  })

  it('opens under any spelling of its path', async () => {
    const location = join(parent, 'database')
    const entries = await fill(location)
    for (const spelling of [`${location}/`, `${location}/.`, join(parent, 'x', '..', 'database')]) {
      const db = await open(spelling, text)
      expectExactly(db, entries)
      await db.close()
    }
  })

  it('with what operating systems leave in it opens, works, and keeps those files as they are', async () => {
    const location = join(parent, 'database')
    const entries = await fill(location)
    const table = (await readdir(location)).find((name) => name.endsWith('.sst')) as string
    const junk = [
      '.DS_Store',
      '._.DS_Store',
      `._${table}`,
      '._superblock-a',
      '._',
      'Thumbs.db',
      'desktop.ini',
      'notes.txt',
    ]
    for (const name of junk) await writeFile(join(location, name), `junk ${name}`)
    await mkdir(join(location, '.Spotlight-V100'))
    for (let round = 0; round < 3; round++) {
      const db = await open(location, text)
      expectExactly(db, entries)
      db.putSync(numbered(1000 + round), 'new')
      entries.push([numbered(1000 + round), 'new'])
      db.flushSync()
      await db.close()
    }
    for (const name of junk) expect(await readFile(join(location, name), 'utf8')).toBe(`junk ${name}`)
    expect(await readdir(location)).toContain('.Spotlight-V100')
  })

  it('that holds only such files becomes a database', async () => {
    const location = join(parent, 'database')
    await mkdir(location)
    for (const name of ['.DS_Store', '._x']) await writeFile(join(location, name), 'junk')
    const db = await open(location, text)
    db.putSync('k', '1')
    await db.close()
    const again = await open(location, text)
    expectExactly(again, [['k', '1']])
    await again.close()
    expect(await readFile(join(location, '._x'), 'utf8')).toBe('junk')
  })
})
