import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Choice, CompactionState, RunningJob } from '../../src/compaction/choice.ts'
import {
  chooseLeveled,
  levelScores,
  levelTargets,
  type LeveledOptions,
} from '../../src/compaction/leveled.ts'
import { LAST_LEVEL, levelRun, overlaps, totalBytes } from '../../src/compaction/levels.ts'
import { chooseMajor } from '../../src/compaction/major.ts'
import { Version, type TableInfo } from '../../src/version/version.ts'
import { flushes, IDLE, idsOf, keyOf, SimulatedTree, table } from './simulate.ts'

const options: LeveledOptions = { tableBytes: 1000, baseBytes: 4000, ratio: 10, flushedRunsTrigger: 4 }

/** A choice in short: what goes where. */
function short(choice: Choice | undefined): string {
  if (choice === undefined) return 'nothing'
  if (choice.type === 'drop') return `drop ${idsOf(choice.tables).join(' ')}`
  if (choice.type === 'move') return `move ${idsOf(choice.tables).join(' ')} to ${choice.level}`
  return `merge ${choice.inputs.map((run) => idsOf(run).join(' ')).join(' | ')} to ${choice.level}`
}

/** A job that reads tables and writes to a level. */
function job(tables: readonly TableInfo[], level: number): RunningJob {
  return {
    inputs: new Set(idsOf(tables)),
    level,
    smallestKey: (tables[0] as TableInfo).smallestKey,
    largestKey: (tables.at(-1) as TableInfo).largestKey,
  }
}

const L0 = (id: number, from: number, to: number, more: Partial<TableInfo> = {}): TableInfo =>
  table(id, 0, id, from, to, more)
const at = (level: number, id: number, from: number, to: number, more: Partial<TableInfo> = {}): TableInfo =>
  table(id, level, 0, from, to, more)
const large = { sizeBytes: 5000 }
const dense = { tombstones: 6 }

describe('leveled compaction', () => {
  const cases: [rule: string, tables: TableInfo[], choice: string, state?: Partial<CompactionState>][] = [
    ['an empty tree has nothing to do', [], 'nothing'],
    ['fewer flushed runs than the trigger wait', [L0(1, 0, 9), L0(2, 0, 9), L0(3, 0, 9)], 'nothing'],
    [
      'as many as the trigger are merged, newest first, with what they overlap in the base level and nothing else',
      [
        L0(1, 10, 19),
        L0(2, 12, 15),
        L0(3, 10, 11),
        L0(4, 18, 25),
        at(6, 5, 0, 9),
        at(6, 6, 15, 17),
        at(6, 7, 30, 39),
      ],
      'merge 4 | 3 | 2 | 1 | 6 to 6',
    ],
    [
      'a table of the base level in a gap between them takes part: the output may reach over it',
      [L0(1, 10, 12), L0(2, 10, 12), L0(3, 20, 22), L0(4, 20, 22), at(6, 5, 15, 16)],
      'merge 4 | 3 | 2 | 1 | 5 to 6',
    ],
    [
      'one run that is large is moved where nothing overlaps',
      [L0(1, 0, 9, large), at(6, 2, 10, 19)],
      'move 1 to 6',
    ],
    [
      'one run is moved into the gaps of the level below',
      [table(1, 0, 1, 0, 4, large), table(2, 0, 1, 30, 34, large), at(6, 3, 10, 19)],
      'move 1 2 to 6',
    ],
    [
      'one run that is large is merged where it overlaps',
      [L0(1, 0, 9, large), at(6, 2, 5, 19)],
      'merge 1 | 2 to 6',
    ],
    ['one run that is small waits', [L0(1, 0, 9)], 'nothing'],
    [
      'so many runs as can be read at once, the oldest ones',
      [L0(1, 0, 9), L0(2, 0, 9), L0(3, 0, 9), L0(4, 0, 9), at(6, 5, 0, 9)],
      'merge 2 | 1 | 5 to 6',
      { maxInputRuns: 3 },
    ],
    [
      'flushed runs of which one is being merged wait',
      [L0(1, 0, 9), L0(2, 0, 9), L0(3, 0, 9), L0(4, 0, 9), L0(5, 0, 9)],
      'nothing',
      { running: [job([L0(1, 0, 9)], 6)] },
    ],
    [
      'flushed runs wait for a job that writes among their keys, though it reads others',
      [L0(1, 0, 9), L0(2, 0, 9), L0(3, 0, 9), L0(4, 0, 9), at(5, 7, 8, 20)],
      'nothing',
      { running: [job([at(4, 9, 5, 30)], 5)] },
    ],
    [
      'of a level that is full the table goes down that overlaps least for its size',
      [
        at(5, 1, 0, 9, large),
        at(5, 2, 10, 19, large),
        at(6, 3, 0, 5),
        at(6, 4, 6, 9),
        at(6, 5, 10, 19),
        at(6, 6, 90, 99, { sizeBytes: 30_000 }),
      ],
      'merge 2 | 5 to 6',
    ],
    [
      'it is moved where that is free',
      [
        at(5, 1, 0, 9, large),
        at(5, 2, 10, 19, large),
        at(6, 3, 0, 5),
        at(6, 6, 90, 99, { sizeBytes: 30_000 }),
      ],
      'move 2 to 6',
    ],
    [
      'a table that is mostly tombstones goes first',
      [
        at(5, 1, 0, 9, large),
        at(5, 2, 10, 19, { ...large, ...dense }),
        at(6, 3, 10, 19),
        at(6, 6, 90, 99, { sizeBytes: 30_000 }),
      ],
      'merge 2 | 3 to 6',
    ],
    [
      'and goes though its level is not full',
      [at(5, 2, 10, 19, dense), at(6, 3, 10, 19), at(6, 6, 90, 99, { sizeBytes: 30_000 })],
      'merge 2 | 3 to 6',
    ],
    ['but not a flushed one', [L0(1, 0, 9, dense), at(6, 2, 0, 9)], 'nothing'],
    [
      'a table of the last level with garbage is written again',
      [at(6, 1, 0, 9, { hiddenVersions: 3 })],
      'merge 1 to 6',
    ],
    ['not with little of it', [at(6, 1, 0, 9, { hiddenVersions: 2 })], 'nothing'],
    [
      'not while a snapshot may need it',
      [at(6, 1, 0, 9, { hiddenVersions: 3 })],
      'nothing',
      { oldestSnapshot: 10 },
    ],
    [
      'but when the snapshots are newer',
      [at(6, 1, 0, 9, { hiddenVersions: 3 })],
      'merge 1 to 6',
      { oldestSnapshot: 11 },
    ],
    [
      'what is busy is left to others',
      [
        at(5, 1, 0, 9, large),
        at(5, 2, 10, 19, large),
        at(6, 3, 0, 5),
        at(6, 5, 10, 19),
        at(6, 6, 90, 99, { sizeBytes: 30_000 }),
      ],
      'merge 1 | 3 to 6',
      { running: [job([at(6, 5, 10, 19)], 6)] },
    ],
  ]

  it.each(cases)('%s', (_, tables, choice, state) => {
    expect(short(chooseLeveled(Version.of(tables), { ...IDLE, ...state }, options))).toBe(choice)
  })

  it('cuts its output where it would overlap too much of the level below', () => {
    const below = Array.from({ length: 25 }, (_, i) => at(6, 100 + i, 10 * i, 10 * i + 9))
    const tables = [
      at(5, 1, 0, 249, { sizeBytes: 50_000 }),
      at(4, 2, 0, 249, { sizeBytes: 50_000 }),
      ...below,
    ]
    const choice = chooseLeveled(Version.of(tables), IDLE, { ...options, baseBytes: 1000 })
    expect(short(choice)).toBe('merge 2 | 1 to 5')
    expect(choice?.type === 'merge' && choice.cutKeys).toEqual([keyOf(99), keyOf(199)])
  })

  it.each([
    [[], 6, []],
    [[at(6, 1, 0, 9, { sizeBytes: 4000 })], 6, []],
    [[at(6, 1, 0, 9, { sizeBytes: 4001 })], 5, [[5, 4000]]],
    [
      [at(6, 1, 0, 9, { sizeBytes: 80_000 })],
      4,
      [
        [4, 4000],
        [5, 8000],
      ],
    ],
    [
      [at(6, 1, 0, 9, { sizeBytes: 80_000 }), at(2, 2, 0, 9)],
      2,
      [
        [2, 4000],
        [5, 8000],
      ],
    ],
  ] as [TableInfo[], number, [number, number][]][])(
    'sizes its levels from the largest one upwards (%#)',
    (tables, base, targets) => {
      const found = levelTargets(Version.of(tables), options)
      expect(found.baseLevel).toBe(base)
      for (const [level, bytes] of targets) expect(found.targets[level]).toBe(bytes)
      expect([found.targets[0], found.targets[LAST_LEVEL]]).toEqual([Infinity, Infinity])
    },
  )

  it('settles, with the newest version first and every level within its size', () => {
    fc.assert(
      fc.property(flushes, fc.integer({ min: 2, max: 6 }), (all, maxInputRuns) => {
        const tree = new SimulatedTree()
        const state = { ...IDLE, maxInputRuns }
        for (const writes of all) {
          tree.flush(writes)
          let steps = 0
          for (let choice = chooseLeveled(tree.version, state, options); choice !== undefined;) {
            expect(steps++).toBeLessThan(200)
            tree.apply(choice)
            tree.check()
            choice = chooseLeveled(tree.version, state, options)
          }
          for (const { score } of levelScores(tree.version, state, options)) expect(score).toBeLessThan(1)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('never chooses what a running job reads, or keys among those that it writes', () => {
    fc.assert(
      fc.property(flushes, fc.array(fc.nat(3), { maxLength: 40 }), (all, turns) => {
        const tree = new SimulatedTree()
        const running: { choice: Choice; job: RunningJob }[] = []
        const finish = (): void => {
          const [first] = running.splice(0, 1)
          if (first !== undefined) tree.apply(first.choice)
          tree.check()
        }
        for (const [i, writes] of all.entries()) {
          tree.flush(writes)
          for (let turn = turns[i] ?? 0; turn > 0; turn--) {
            const state = { ...IDLE, running: running.map((each) => each.job) }
            const choice = chooseLeveled(tree.version, state, options)
            if (choice === undefined) finish()
            else if (choice.type === 'merge') {
              const tables = choice.inputs.flat()
              const made = { ...job(tables, choice.level), ...hullOf(tables) }
              for (const { job: other } of running) {
                expect(tables.some(({ id }) => other.inputs.has(id))).toBe(false)
                expect(other.level === made.level && overlaps(other, made)).toBe(false)
              }
              running.push({ choice, job: made })
            } else tree.apply(choice)
            tree.check()
          }
        }
        while (running.length > 0) finish()
      }),
      { numRuns: 200 },
    )
  })
})

function hullOf(tables: readonly TableInfo[]): { smallestKey: Uint8Array; largestKey: Uint8Array } {
  const sorted = (keys: Uint8Array[]): Uint8Array[] => keys.sort((a, b) => Buffer.compare(a, b))
  return {
    smallestKey: sorted(tables.map(({ smallestKey }) => smallestKey))[0] as Uint8Array,
    largestKey: sorted(tables.map(({ largestKey }) => largestKey)).at(-1),
  }
}

describe('a major compaction', () => {
  const never = (): boolean => false

  it('writes the last level as the policy has it for the lowest one, and what is written otherwise again', () => {
    const version = Version.of([at(5, 1, 0, 9), at(6, 2, 5, 15), at(6, 3, 20, 29)])
    const everything = { lower: undefined, upper: undefined }
    const isOther = (id: number): boolean => id === 3
    const merge = chooseMajor(version, IDLE, options, everything, never, isOther)
    expect(merge).toMatchObject({ level: LAST_LEVEL, canonicalLevel: LAST_LEVEL })
    const done = Version.of([at(6, 4, 0, 15), at(6, 3, 20, 29)])
    const again = chooseMajor(done, IDLE, options, everything, never, isOther)
    expect(short(again)).toBe('merge 3 to 6')
    expect(again).toMatchObject({ canonicalLevel: LAST_LEVEL })
    expect(short(chooseMajor(done, IDLE, options, everything, (id) => id === 3, isOther))).toBe('nothing')
  })

  it('ends with everything in the last level and no tombstone, whatever was there', () => {
    fc.assert(
      fc.property(flushes, fc.integer({ min: 2, max: 6 }), fc.nat(10), (all, maxInputRuns, settled) => {
        const tree = new SimulatedTree()
        const state = { ...IDLE, maxInputRuns }
        for (const [i, writes] of all.entries()) {
          tree.flush(writes)
          const choice = i < settled ? chooseLeveled(tree.version, state, options) : undefined
          if (choice !== undefined) tree.apply(choice)
        }
        const everything = { lower: undefined, upper: undefined }
        let steps = 0
        const next = (): Choice | undefined =>
          chooseMajor(tree.version, state, options, everything, never, never)
        for (let choice = next(); choice !== undefined; choice = next()) {
          expect(steps++).toBeLessThan(500)
          tree.apply(choice)
          tree.check()
        }
        const last = levelRun(tree.version, LAST_LEVEL)
        expect(tree.version.runs.length).toBe(last.length > 0 ? 1 : 0)
        expect(last.reduce((sum, { tombstones }) => sum + tombstones, 0)).toBe(0)
        const live = [...tree.newest.values()].filter((seqno) => seqno > 0).length
        expect(totalBytes(last)).toBe(100 * live)
      }),
      { numRuns: 200 },
    )
  })

  it('of a range touches nothing beside it but what it overlaps', () => {
    const version = Version.of([
      at(5, 1, 0, 9),
      at(5, 2, 20, 29),
      at(6, 3, 0, 9),
      at(6, 4, 22, 25, { tombstones: 1 }),
    ])
    const range = { lower: keyOf(21), upper: keyOf(24) }
    expect(short(chooseMajor(version, IDLE, options, range, never, never))).toBe('merge 2 | 4 to 6')
    const done = Version.of([at(5, 1, 0, 9), at(6, 3, 0, 9), at(6, 4, 22, 25, { tombstones: 1 })])
    expect(short(chooseMajor(done, IDLE, options, range, never, never))).toBe('merge 4 to 6')
    expect(short(chooseMajor(done, IDLE, options, range, (id) => id === 4, never))).toBe('nothing')
    const between = { lower: keyOf(11), upper: keyOf(15) }
    expect(short(chooseMajor(version, IDLE, options, between, never, never))).toBe('nothing')
  })
})
