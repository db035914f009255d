import { expect, it } from 'vitest'
import { chooseFifo } from '../../src/compaction/fifo.ts'
import { Version, type TableInfo } from '../../src/version/version.ts'
import { table } from './simulate.ts'

/** A flushed table of 1000 bytes. */
const at = (id: number, createdAt: number, more: Partial<TableInfo> = {}): TableInfo =>
  table(id, 0, id, 10 * id, 10 * id + 9, { createdAt, highestSeqno: id, ...more })

const cases: [
  rule: string,
  tables: TableInfo[],
  options: [sizeLimitBytes: number, ttlMs: number],
  dropped: number[],
][] = [
  ['nothing without a limit', [at(1, 10), at(2, 20)], [0, 0], []],
  ['nothing within the limit', [at(1, 10), at(2, 20)], [2000, 0], []],
  ['the oldest above it', [at(2, 20), at(1, 10), at(3, 30)], [2000, 0], [1]],
  [
    'what was written first, though the clock went backwards',
    [at(1, 30), at(2, 20), at(3, 25)],
    [2000, 0],
    [1],
  ],
  ['none that the clock calls too old, behind one that is not', [at(1, 600), at(2, 100)], [0, 500], []],
  ['as many as it takes', [at(1, 10), at(2, 20), at(3, 30)], [1000, 0], [1, 2]],
  ['not the newest one, however large', [at(1, 10), at(2, 20, { sizeBytes: 9000 })], [500, 0], [1]],
  ['those that are too old', [at(1, 100), at(2, 200), at(3, 950)], [0, 500], [1, 2]],
  ['one just as old as it may be', [at(1, 500), at(2, 501)], [0, 500], [1]],
  ['all of them, if they are', [at(1, 10), at(2, 20)], [0, 500], [1, 2]],
  ['those for their age first, then for the size', [at(1, 100), at(2, 600), at(3, 700)], [1000, 500], [1, 2]],
  ['by seqno where they are as old', [at(2, 10), at(1, 10), at(3, 10)], [2000, 0], [1]],
  ['nothing of nothing', [], [1, 1], []],
]

it.each(cases)('FIFO drops %s', (_, tables, [sizeLimitBytes, ttlMs], dropped) => {
  const choice = chooseFifo(Version.of(tables), 1000, { sizeLimitBytes, ttlMs })
  expect(choice?.tables.map(({ id }) => id) ?? []).toEqual(dropped)
})
