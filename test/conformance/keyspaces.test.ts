import { describe, expect, it } from 'vitest'
import type { Keyspace } from '../../src/index.ts'
import { openText, type TextDatabase } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { expectExactly, numbered, states } from './states.ts'

type TextKeyspace = Keyspace<'utf8', 'utf8'>

const TEXT = { keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

function named(db: TextDatabase, name: string): TextKeyspace {
  return db.keyspaceSync(name, TEXT)
}

function killed(fileSystem: FaultyFileSystem): FaultyFileSystem {
  return fileSystem.crashImage('keepAll', mulberry32(1))
}

/** Ways from one state of a database to a later one in which everything must be the same. */
const passages: [
  string,
  (db: TextDatabase, fileSystem: FaultyFileSystem) => Promise<[TextDatabase, FaultyFileSystem]>,
][] = [
  ['at once', (db, fileSystem) => Promise.resolve([db, fileSystem])],
  [
    'after a flush',
    async (db, fileSystem) => {
      await db.flush()
      return [db, fileSystem]
    },
  ],
  [
    'after a clean reopen',
    async (db, fileSystem) => {
      await db.close()
      return [await openText(fileSystem), fileSystem]
    },
  ],
  [
    'after a kill',
    async (_db, fileSystem) => {
      const image = killed(fileSystem)
      return [await openText(image), image]
    },
  ],
  [
    'after a flush and a kill',
    async (db, fileSystem) => {
      db.flushSync()
      const image = killed(fileSystem)
      return [await openText(image), image]
    },
  ],
]

const exotic = [
  '..',
  '.',
  '/',
  '\\',
  'a/b',
  'CON',
  ' ',
  '\n',
  '*',
  '%00',
  '-rf',
  'ß',
  'Ω',
  '𝄞',
  '__proto__',
  'x'.repeat(255),
]

describe.each(passages)('keyspaces, %s', (_name, pass) => {
  it('with exotic names each hold their own', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    db.putSync('k', 'default')
    exotic.forEach((name, i) => named(db, name).putSync('k', `value ${i}`))
    const [later] = await pass(db, fileSystem)
    expect(later.keyspaces().length).toBe(exotic.length)
    expect(new Set(later.keyspaces())).toEqual(new Set(exotic))
    exotic.forEach((name, i) => expectExactly(named(later, name), [['k', `value ${i}`]]))
    expectExactly(later, [['k', 'default']])
    await later.close()
  })

  it('do not see each other: the same keys, other values, other deletions', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    const a = named(db, 'a')
    const b = named(db, 'b')
    for (const space of [db, a, b]) {
      for (let i = 0; i < 30; i++) space.putSync(numbered(i), `old of ${space.name}`)
    }
    a.flushSync()
    for (let i = 0; i < 30; i += 2) a.deleteSync(numbered(i))
    for (let i = 0; i < 30; i += 3) b.putSync(numbered(i), 'new of b')
    db.deleteSync(numbered(7))
    const [later] = await pass(db, fileSystem)
    const keys = Array.from({ length: 30 }, (_, i) => i)
    expectExactly(
      named(later, 'a'),
      keys.filter((i) => i % 2 === 1).map((i) => [numbered(i), 'old of a']),
      [numbered(0)],
    )
    expectExactly(
      named(later, 'b'),
      keys.map((i) => [numbered(i), i % 3 === 0 ? 'new of b' : 'old of b']),
    )
    expectExactly(
      later,
      keys.filter((i) => i !== 7).map((i) => [numbered(i), 'old of ']),
      [numbered(7)],
    )
    await later.close()
  })

  it('dropped and made again are empty, and stay so', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    const first = named(db, 'space')
    first.putSync('in a table', '1')
    first.flushSync()
    first.putSync('in memory', '1')
    named(db, 'other').putSync('k', 'kept')
    db.dropKeyspaceSync('space')
    expect(() => first.getSync('in a table')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    expectExactly(named(db, 'space'), [], ['in a table', 'in memory'])
    named(db, 'space').putSync('new', '2')
    const [later, files] = await pass(db, fileSystem)
    expectExactly(named(later, 'space'), [['new', '2']], ['in a table', 'in memory'])
    expectExactly(named(later, 'other'), [['k', 'kept']])
    later.dropKeyspaceSync('space')
    const [last] = await pass(later, files)
    expect(last.keyspaces()).toEqual(['other'])
    expectExactly(named(last, 'space'), [], ['new', 'in a table', 'in memory'])
    await last.close()
  })

  it('of one batch have all of it, the last of several operations on a key', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem)
    const a = named(db, 'a')
    const b = named(db, 'b')
    db.batch()
      .put('k', '1')
      .put(a, 'k', '2')
      .put(b, 'k', '3')
      .delete(b, 'k')
      .put('k', '4')
      .delete(a, 'never')
      .put(a, 'gone', '5')
      .put(b, 'l', '6')
      .delete(a, 'gone')
      .put(a, 'k', '7')
      .commitSync()
    const [later] = await pass(db, fileSystem)
    expectExactly(later, [['k', '4']], ['l', 'gone', 'never'])
    expectExactly(named(later, 'a'), [['k', '7']], ['gone', 'never'])
    expectExactly(named(later, 'b'), [['l', '6']], ['k'])
    await later.close()
  })

  it('come in more than a hundred', async () => {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { memoryLimit: 128 * 1048576 })
    for (let i = 0; i < 120; i++) named(db, numbered(i)).putSync('k', `${i}`)
    const [later] = await pass(db, fileSystem)
    expect(later.keyspaces()).toEqual(Array.from({ length: 120 }, (_, i) => numbered(i)))
    for (let i = 0; i < 120; i++) expectExactly(named(later, numbered(i)), [['k', `${i}`]])
    await later.close()
  })
})

describe.each(states)('the default keyspace, $name', ({ build }) => {
  it('is not touched by what another one writes, flushes and drops', async () => {
    const db = await build([[['a', '1']], [['b', '1']]])
    const other = named(db, 'other')
    other.putSync('a', 'other')
    other.deleteSync('b')
    other.putSync('c', 'other')
    expectExactly(
      db,
      [
        ['a', '1'],
        ['b', '1'],
      ],
      ['c'],
    )
    const { memtables, tables } = db.stats().keyspaces[0] ?? {}
    other.flushSync()
    expect(db.stats().keyspaces[0]).toMatchObject({ memtables, tables })
    expectExactly(
      other,
      [
        ['a', 'other'],
        ['c', 'other'],
      ],
      ['b'],
    )
    db.dropKeyspaceSync('other')
    expectExactly(
      db,
      [
        ['a', '1'],
        ['b', '1'],
      ],
      ['c'],
    )
    await db.close()
  })
})
