/** What verify() finds in tables whose checksums are all right: what a bug of a writer would leave. One test for each thing that can be wrong. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TYPE_WEAK_TOMBSTONE } from '../../assembly/memory/layout.ts'
import type { Database } from '../../src/api/database.ts'
import type { Keeper } from '../../src/engine/keeper.ts'
import type { Tree } from '../../src/engine/tree.ts'
import type { VerifyProblem } from '../../src/engine/verify-report.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { checkRuns } from '../../src/verify/run-check.ts'
import { emptyReport } from '../../src/verify/report.ts'
import { openBytes } from '../api/support.ts'
import { keeperOf } from '../integration/regressions/support.ts'
import { viewOf, type TableEntry } from '../kernel/table-format.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { install, large, text, tombstone, value, type Draft, type Separator } from './crafted-table.ts'

/** Two index blocks of two data blocks; versions, both kinds of tombstones, an extent. Their keys begin with b, d, f and h. */
function blocks(): TableEntry[][] {
  return [
    [value('b1', 11), value('b3', 12), tombstone('b5', 13)],
    [value('d1', 14), value('d3', 25), value('d3', 15), value('d5', 16)],
    [large('f1', 17), value('f3', 18)],
    [value('h1', 19), tombstone('h3', 20, TYPE_WEAK_TOMBSTONE), value('h5', 21)],
  ]
}

interface Opened {
  db: Database<'bytes', 'bytes'>
  keeper: Keeper
  tree: Tree
}

// NOTE: crafted tables hash keys with the default secret of XXH3, which is what an implementation that is not ours knows.
beforeAll(() => void vi.spyOn(Kernel.prototype, 'hashKeysFor').mockImplementation(() => {}))
afterAll(() => vi.restoreAllMocks())

async function opened(): Promise<Opened> {
  const db = await openBytes<'bytes', 'bytes'>({}, new FaultyFileSystem())
  const keeper = keeperOf(db)
  return { db, keeper, tree: [...keeper.trees.values()][0] as Tree }
}

/** The problems of a database with these tables, and the names of their files. */
async function problemsOf(...drafts: Draft[]): Promise<{ problems: VerifyProblem[]; files: string[] }> {
  const { db, keeper, tree } = await opened()
  const files = drafts.map((draft) => install(keeper, tree, draft))
  const { problems, tables, entries } = await db.verify()
  expect(tables).toBe(drafts.length)
  if (problems.length === 0) expect(entries).toBe(drafts.flatMap((draft) => draft.blocks.flat()).length)
  await db.close()
  return { problems, files }
}

function changed(i: number, change: Partial<Separator>): (all: Separator[]) => Separator[] {
  return (all) => all.map((each, at) => (at === i ? { ...each, ...change } : each))
}

describe('a table', () => {
  test('that is as it must be has no problem', async () => {
    expect((await problemsOf({ blocks: blocks() })).problems).toEqual([])
    expect((await problemsOf({ blocks: blocks(), perIndex: 1 })).problems).toEqual([])
    // Versions of a key that go on in the next block: the separator names the version.
    const versions = [9, 8, 7, 6].map((seqno) => [value('k', seqno)])
    expect((await problemsOf({ blocks: versions })).problems).toEqual([])
    expect((await problemsOf({ blocks: [[value('', 1)]] })).problems).toEqual([])
  })

  test.each<[string, string, Draft]>([
    // ── order ──
    [
      'blocks in the wrong order',
      'leads past the first entry',
      {
        blocks: [[value('b', 2)], [value('a', 1)], [value('c', 3)]],
        info: { smallestKey: text('b') },
        index: changed(1, { key: text('bb') }),
      },
    ],
    ['an entry twice', 'leads past the first entry', { blocks: [[value('a', 5)], [value('a', 5)]] }],
    [
      'an older version before a newer one',
      'leads past the first entry',
      { blocks: [[value('a', 5)], [value('a', 6)]] },
    ],
    // ── counts and bounds of the manifest ──
    ['other entries', '12 entries instead of 20', { blocks: blocks(), info: { entries: 20 } }],
    ['other tombstones', '2 tombstones instead of 3', { blocks: blocks(), info: { tombstones: 3 } }],
    ['other hidden versions', '1 hidden versions', { blocks: blocks(), info: { hiddenVersions: 0 } }],
    ['a lower seqno', 'sequence numbers', { blocks: blocks(), info: { lowestSeqno: 5 } }],
    ['a higher seqno', 'sequence numbers', { blocks: blocks(), info: { highestSeqno: 50 } }],
    ['a seqno below its lowest', 'sequence numbers', { blocks: blocks(), info: { lowestSeqno: 12 } }],
    ['a key below its smallest', 'smallest key', { blocks: blocks(), info: { smallestKey: text('b3') } }],
    ['another smallest key', 'smallest key', { blocks: blocks(), info: { smallestKey: text('a') } }],
    ['a key above its largest', 'largest key', { blocks: blocks(), info: { largestKey: text('h3') } }],
    ['another largest key', 'largest key', { blocks: blocks(), info: { largestKey: text('z') } }],
    [
      'another checksum',
      'not those that the manifest names',
      { blocks: blocks(), info: { fileChecksum: new Uint8Array(8) } },
    ],
    // ── counts of its properties ──
    ['other data blocks', '9 data blocks instead of 4', { blocks: blocks(), statistics: { dataBlocks: 9 } }],
    ['other index blocks', '9 index blocks', { blocks: blocks(), statistics: { indexBlocks: 9 } }],
    ['other extents', '9 extents instead of 1', { blocks: blocks(), statistics: { extentBlocks: 9 } }],
    // ── index ──
    [
      'a separator below the last key',
      'past the last entry',
      { blocks: blocks(), index: changed(0, { key: text('b3') }) },
    ],
    [
      'a separator at the first key of the next block',
      'past the first entry',
      { blocks: blocks(), index: changed(0, { key: text('d1') }) },
    ],
    [
      'a separator between versions that hides the older ones',
      'past the last entry',
      { blocks: blocks(), index: changed(1, { key: text('d5'), seqno: 17n }) },
    ],
    [
      'a last separator below the last key',
      'past the last entry',
      { blocks: blocks(), index: changed(3, { key: text('h3') }) },
    ],
    [
      'a data block without an index entry',
      'a data block that is not there',
      { blocks: blocks(), index: (all) => all.filter((_, i) => i !== 1) },
    ],
    [
      'a last data block without an index entry',
      'does not name a data block',
      { blocks: blocks(), index: (all) => all.slice(0, -1) },
    ],
    [
      'an index entry that names an extent',
      'a data block that is not there',
      {
        blocks: blocks(),
        index: (all) =>
          all.map((each, i) => (i === 2 ? { ...each, offset: each.offset - 40_024, size: 40_024 } : each)),
      },
    ],
    [
      'an index entry with another size',
      'a data block that is not there',
      {
        blocks: blocks(),
        index: (all) => all.map((each, i) => (i === 1 ? { ...each, size: each.size - 1 } : each)),
      },
    ],
    ['a root separator too low', 'differently', { blocks: blocks(), root: changed(0, { key: text('d3') }) }],
    ['a root separator too high', 'differently', { blocks: blocks(), root: changed(0, { key: text('f1') }) }],
    ['a root separator of a version', 'differently', { blocks: blocks(), root: changed(0, { seqno: 16n }) }],
    [
      'a root index without its first entry',
      'a data block that is not there',
      { blocks: blocks(), root: (all) => all.slice(1) },
    ],
    [
      'a root index without its last entry',
      'does not name a data block',
      { blocks: blocks(), root: (all) => all.slice(0, 1) },
    ],
    [
      'a root index that names a data block',
      'fails its checksum',
      { blocks: blocks(), root: changed(0, { offset: 64, size: 93 }) },
    ],
    [
      'an index block that the root index does not name',
      'does not name an index block',
      { blocks: blocks(), unnamedIndex: true },
    ],
    // ── filter ──
    [
      'a filter without a key',
      'filter lacks a key',
      { blocks: blocks(), filtered: (keys) => keys.filter((_, i) => i !== 4 && i !== 5) },
    ],
    // ── extents ──
    [
      'a value longer than its extents',
      'another length',
      { blocks: blocks(), extent: (length, offset, size) => [length + 100, offset, [size]] },
    ],
    [
      'an extent with another size',
      'an extent that is not there',
      { blocks: blocks(), extent: (length, offset, size) => [length, offset, [size - 10]] },
    ],
    [
      'an extent at another place',
      'an extent that is not there',
      { blocks: blocks(), extent: (length, offset, size) => [length, offset - 5, [size]] },
    ],
  ])('with %s', async (_name, message, draft) => {
    const { problems, files } = await problemsOf(draft)
    expect(problems).toMatchObject([{ code: 'CORRUPT', file: files[0] }])
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.message).toMatch(/\.$/)
  })

  test('with a header, a footer or blocks that changed since it was opened, by name and place', async () => {
    const { db, keeper, tree } = await opened()
    const name = install(keeper, tree, { blocks: blocks() })
    const fileSystem = keeper.fileSystem as FaultyFileSystem
    const bytes = fileSystem.snapshotFiles().get(name) as Uint8Array
    const sizeBytes = bytes.byteLength
    const rootOffset = Number(viewOf(bytes).getBigUint64(sizeBytes - 64, true))
    const regions: [string, number, number][] = [
      ['header', 20, 0],
      ['first data block', 64 + 20, 64],
      ['footer', sizeBytes - 50, sizeBytes - 64],
      ['root index', rootOffset + 30, rootOffset],
    ]
    for (const [what, at, offset] of regions) {
      fileSystem.flipBits(name, at)
      const { problems } = await db.verify()
      expect(problems, what).toMatchObject([
        { code: 'CORRUPT', file: name, offset: 0 },
        { code: 'CORRUPT', file: name, offset },
      ])
      fileSystem.flipBits(name, at)
    }
    expect((await db.verify()).problems).toEqual([])
    await db.close()
  })
})

describe('runs', () => {
  const older: Draft = { blocks: [[value('a', 1), value('k', 5)]], run: 1 }

  test('with newer entries above older ones have no problem', async () => {
    expect((await problemsOf(older, { blocks: [[value('k', 6)]], run: 2 })).problems).toEqual([])
  })

  test('with an older entry in a newer run, which is named', async () => {
    for (const upper of [
      { run: 2, level: 0 },
      { run: 1, level: 1 },
    ]) {
      // Two tables in the newer run: it is the second.
      const { problems, files } = await problemsOf(
        { ...older, level: 3 },
        { blocks: [[value('b', 6)]], ...upper },
        { blocks: [[value('j', 7), value('k', 4)]], ...upper },
      )
      expect(problems).toMatchObject([{ code: 'CORRUPT', file: files[2] }])
      expect(problems[0]?.message).toContain('older than one of the same key in an older run')
    }
  })

  test('with the same entry twice', async () => {
    const { problems } = await problemsOf(older, { blocks: [[value('k', 5)]], run: 2 })
    expect(problems.map(({ message }) => message).join()).toContain('do not ascend')
  })

  test('of any number, an older entry in any newer one', async () => {
    const draft = (i: number, key: string, seqno: number): Draft => ({
      blocks: [[value(key, seqno)]],
      run: i + 1,
    })
    const sound = Array.from({ length: 40 }, (_, i) => draft(i, i % 2 === 0 ? 'k' : `a${i}`, i + 1))
    expect((await problemsOf(...sound)).problems).toEqual([])
    for (const [low, high] of [
      [3, 38],
      [0, 1],
      [17, 22],
    ] as const) {
      const all = sound.map((_, i) =>
        draft(i, i === low || i === high ? 'k' : `a${i}`, i === low ? 99 : i + 1),
      )
      const { problems, files } = await problemsOf(...all)
      expect(problems).toMatchObject([{ file: files[high] }])
    }
  })

  test('with tables that share keys: the manifest refuses to say so, and a table does not hold what it keeps silent about', async () => {
    const { problems, files } = await problemsOf(
      { blocks: [[value('a', 1), value('k', 5)]], run: 1, info: { largestKey: text('a') } },
      { blocks: [[value('g', 6), value('m', 7)]], run: 1 },
    )
    expect(problems).toMatchObject([{ file: files[0] }])
    expect(problems[0]?.message).toContain('largest key')
    const { db, keeper, tree } = await opened()
    install(keeper, tree, { blocks: [[value('a', 1), value('k', 5)]], run: 1 })
    install(keeper, tree, { blocks: [[value('g', 6), value('m', 7)]], run: 2 })
    const report = emptyReport()
    const steps = checkRuns(keeper, tree, [tree.version.runs.flat().reverse()], report)
    while (steps.next().done !== true);
    expect(report.problems[0]?.message).toContain('shares keys')
    await db.close()
  })
})
