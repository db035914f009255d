/** Databases of every shape have no problem, and no bit of a closed one changes unnoticed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import type { OpenOptions } from '../../src/api/types.ts'
import { VarveError } from '../../src/errors.ts'
import { openText, SMALL_MEMORY, type TextDatabase } from '../api/support.ts'
import { engineOf } from '../integration/regressions/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { withSmallLevels } from '../support/small-compactions.ts'

const numbered = (i: number): string => String(i).padStart(6, '0')
type Options = OpenOptions<'utf8', 'utf8'>

/** What is written, and how the database is opened. */
const shapes: [string, Options, (db: TextDatabase) => void][] = [
  ['nothing', {}, () => undefined],
  ['a journal only', {}, (db) => db.putSync('a', '1')],
  [
    'large values, compressed where that pays and not',
    { tables: { compression: 'lz4' } },
    (db) => {
      for (const length of [32_767, 32_768, 131_008, 131_009, 500_000]) {
        db.putSync(`flat ${length}`, 'x'.repeat(length))
        const noise = Array.from({ length }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 24) & 127)
        db.putSync(`noise ${length}`, String.fromCharCode(...noise.slice(0, 100)).repeat(length / 100))
      }
      db.flushSync()
    },
  ],
  [
    'nothing but tombstones',
    {},
    (db) => {
      for (let i = 0; i < 500; i++) db.deleteSync(numbered(i))
      db.flushSync()
    },
  ],
  [
    'keys and values of no and of all lengths',
    {},
    (db) => {
      for (const length of [0, 1, 2047, 2048, 2049, 30_000, 65_535]) {
        for (const end of ['', 'b', 'c']) {
          const key = ('a'.repeat(length) + end).slice(0, 65_535)
          db.putSync(key, '')
          db.putSync(key, 'v'.repeat(length % 1000))
        }
      }
      db.flushSync()
    },
  ],
  [
    'versions of a key, kept for a snapshot, over many blocks',
    {},
    (db) => {
      for (let i = 0; i < 300; i++) {
        engineOf(db).snapshots.take()
        db.putSync(i % 3 === 0 ? 'a' : 'b', `${i}`.repeat(100))
      }
      db.flushSync()
    },
  ],
  [
    'many keyspaces, and runs',
    {},
    (db) => {
      for (let k = 0; k < 20; k++) {
        const keyspace = db.keyspaceSync(`number ${k}`, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
        for (let round = 0; round < k % 4; round++) {
          for (let i = 0; i < 30; i++) keyspace.putSync(numbered(i * (round + 1)), `${round}`)
          keyspace.flushSync()
        }
      }
    },
  ],
  [
    'levels, in small blocks without filters',
    { memtableSize: 16_384, tables: { blockSize: 256, bitsPerKey: 0, restartInterval: 1 } },
    (db) => {
      withSmallLevels(db)
      for (let i = 0; i < 4000; i++) db.putSync(numbered((i * 7919) % 3001), `${i}`.repeat(8))
      for (let i = 0; i < 3000; i += 3) db.deleteSync(numbered(i))
      db.compactSync()
    },
  ],
  [
    'a log that was not closed, without durability',
    { durability: 'none' },
    (db) => {
      for (let i = 0; i < 200; i++) db.putSync(numbered(i), 'x')
      db.flushSync()
    },
  ],
]

function open(fileSystem: FaultyFileSystem, options: Options): Promise<TextDatabase> {
  return openOn(fileSystem, {
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
    memoryLimit: SMALL_MEMORY,
    ...options,
  })
}

async function expectSound(db: TextDatabase): Promise<void> {
  const { problems, tables, entries } = await db.verify()
  expect(problems).toEqual([])
  const { keyspaces } = db.stats()
  expect(tables).toBe(keyspaces.reduce((sum, keyspace) => sum + keyspace.tables, 0))
  expect(entries).toBe(keyspaces.reduce((sum, { tableEntries }) => sum + tableEntries, 0))
}

describe('a healthy database', () => {
  test.each(shapes)('of %s has no problem: open, closed, after a crash', async (_name, options, write) => {
    const fileSystem = new FaultyFileSystem()
    const db = await open(fileSystem, options)
    write(db)
    await expectSound(db)
    const killed = await open(
      fileSystem.crashImage('keepAll', () => 0.5),
      options,
    )
    await expectSound(killed)
    await killed.close()
    await db.close()
    const again = await open(fileSystem, options)
    await expectSound(again)
    again.putSync('one', 'more')
    await expectSound(again)
    again.flushSync()
    await expectSound(again)
    await again.close()
  })
})

describe('a closed database', () => {
  /** Tables, journals, several keyspaces; all files that are its own. */
  async function closed(): Promise<Map<string, Uint8Array>> {
    const fileSystem = new FaultyFileSystem()
    const db = await openText(fileSystem, { tables: { compression: 'lz4' } })
    const users = db.keyspaceSync('users', { keyEncoding: 'utf8', valueEncoding: 'utf8' })
    for (let i = 0; i < 500; i++) db.putSync(numbered(i), `${i}`.repeat(20))
    db.putSync('large', 'x'.repeat(200_000))
    for (let i = 0; i < 100; i++) users.putSync(numbered(i), 'y')
    db.flushSync()
    for (let i = 0; i < 500; i += 2) db.deleteSync(numbered(i))
    db.flushSync()
    for (let i = 0; i < 50; i++) users.putSync(numbered(i), 'in the journal')
    await db.close()
    return new Map(
      [...fileSystem.snapshotFiles()].filter(
        ([name, bytes]) => bytes.byteLength > 0 && /^superblock-[ab]$|\.(man|wal|sst)$/.test(name),
      ),
    )
  }

  // NOTE: there is no byte of these files that may change: what is reserved is checked to be zero, and a clean close leaves nothing behind the lengths it
  // names. After a crash what lies above them may (docs/journal-format.md, "Reading").
  test('refuses to open or has a problem, whichever bit is another one', async () => {
    const files = await closed()
    const kinds = ['superblock-a', 'superblock-b', '.man', '.wal', '.sst']
    for (const kind of kinds)
      expect(
        [...files.keys()].some((name) => name.endsWith(kind)),
        kind,
      ).toBe(true)
    const fate = async (damaged: ReadonlyMap<string, Uint8Array>): Promise<string> => {
      let db: TextDatabase
      try {
        db = await openText(FaultyFileSystem.fromFiles(damaged))
      } catch (error) {
        return error instanceof VarveError ? error.code : String(error)
      }
      const { problems } = await db.verify()
      await db.close().catch(() => undefined)
      return problems.map(({ file, code }) => `${code} in ${file}`).join()
    }
    expect(await fate(files)).toBe('')
    const place = fc
      .constantFrom(...kinds)
      .chain((kind) => fc.constantFrom(...[...files.keys()].filter((name) => name.endsWith(kind))))
      .chain((name) =>
        fc.record({
          name: fc.constant(name),
          // Both ends of a file are full of fields, and the rest is mostly data.
          at: fc.oneof(
            fc.nat(Math.min(200, (files.get(name) as Uint8Array).byteLength) - 1),
            fc.nat((files.get(name) as Uint8Array).byteLength - 1),
            fc
              .nat(Math.min(400, (files.get(name) as Uint8Array).byteLength) - 1)
              .map((fromEnd) => (files.get(name) as Uint8Array).byteLength - 1 - fromEnd),
          ),
          bit: fc.nat(7),
        }),
      )
    await fc.assert(
      fc.asyncProperty(place, async ({ name, at, bit }) => {
        const bytes = (files.get(name) as Uint8Array).slice()
        bytes[at] = (bytes[at] as number) ^ (1 << bit)
        const answer = await fate(new Map(files).set(name, bytes))
        // Never an exception of another kind, and never another file than the one that is damaged.
        expect(answer).toMatch(new RegExp(`^(CORRUPT|FORMAT_VERSION|(CORRUPT|FORMAT_VERSION) in ${name}.*)$`))
      }),
      { numRuns: 400 },
    )
  })
})

test('what is written meanwhile is no problem, though its journal becomes shorter', async () => {
  const db = await openText(new FaultyFileSystem(), { memoryLimit: 8 * SMALL_MEMORY })
  for (let i = 0; i < 40_000; i++) db.putSync(numbered(i), 'v'.repeat(150))
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 4; i++) db.putSync(`${i}`, 'a', { durability: 'sync' })
    let isDone = false
    const verified = db.verify().finally(() => {
      isDone = true
    })
    for (let turn = 0; !isDone; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      // NOTE: of zeros, so that the zeros behind the frames are cut off.
      if (turn === round % 10) db.putSync('zeros', '\0'.repeat(9000), { durability: 'os' })
    }
    expect((await verified).problems).toEqual([])
  }
  await db.close()
})
