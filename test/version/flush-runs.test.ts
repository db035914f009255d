import { describe, expect, test } from 'vitest'
import { assignRuns } from '../../src/version/flush-runs.ts'
import { Version } from '../../src/version/version.ts'
import { table } from './support.ts'

/** What is there: [from, to, run, level]; what is flushed: [from, to]; the runs it gets when new ones are 100, 101, … */
type Present = [string, string, number, number?]
const cases: [string, Present[], [string, string][], number[]][] = [
  [
    'nothing there: one new run',
    [],
    [
      ['a', 'c'],
      ['d', 'f'],
    ],
    [100, 100],
  ],
  ['above all: joins', [['a', 'c', 7]], [['d', 'f']], [7]],
  ['below all: joins', [['d', 'f', 7]], [['a', 'c']], [7]],
  [
    'in a gap: joins',
    [
      ['a', 'c', 7],
      ['x', 'z', 7],
    ],
    [
      ['d', 'f'],
      ['g', 'h'],
    ],
    [7, 7],
  ],
  ['touches: a new run', [['a', 'c', 7]], [['c', 'f']], [100]],
  ['inside: a new run', [['a', 'z', 7]], [['c', 'f']], [100]],
  ['around: a new run', [['c', 'f', 7]], [['a', 'z']], [100]],
  [
    'one of two overlaps: neither joins',
    [['a', 'c', 7]],
    [
      ['b', 'd'],
      ['e', 'f'],
    ],
    [100, 100],
  ],
  [
    'only the newest run counts',
    [
      ['a', 'c', 7],
      ['x', 'z', 8],
    ],
    [['a', 'b']],
    [8],
  ],
  [
    'overlaps the newest, fits an older one: a new run',
    [
      ['a', 'c', 7],
      ['x', 'z', 8],
    ],
    [['y', 'z']],
    [100],
  ],
  ['a lower level is joined by nobody', [['a', 'c', 7, 1]], [['d', 'f']], [100]],
  [
    'a key goes on: its newer versions come first',
    [],
    [
      ['a', 'c'],
      ['c', 'f'],
    ],
    [101, 100],
  ],
  [
    'a key goes on through three tables',
    [],
    [
      ['a', 'c'],
      ['c', 'c'],
      ['c', 'f'],
    ],
    [102, 101, 100],
  ],
  [
    'a key goes on beside the newest run',
    [['x', 'z', 7]],
    [
      ['a', 'c'],
      ['c', 'f'],
    ],
    [100, 7],
  ],
]

describe('runs of a flush', () => {
  test.each(cases)('%s', (_, present, flushed, expected) => {
    const version = Version.of(
      present.map(([from, to, run, level = 0], i) => table(i + 1, from, to, { run, level })),
    )
    let next = 100
    const added = flushed.map(([from, to], i) => table(50 + i, from, to))
    const assigned = assignRuns(added, version, () => next++)
    expect(assigned.map(({ run }) => run)).toEqual(expected)
    // No two tables of a run overlap, or the Version refuses them.
    expect(version.withTables(assigned, []).tableCount).toBe(present.length + flushed.length)
  })
})
