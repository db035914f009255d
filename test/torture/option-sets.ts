/** The ways in which the metamorphic program uses a database: whatever is chosen here, the same history has to give the same answers. */
import { openOn } from '../../src/api/open.ts'
import type { Database } from '../../src/api/database.ts'
import type { OpenOptions, TableOptions } from '../../src/api/types.ts'
import { LEVELED_DEFAULTS, type LeveledOptions } from '../../src/compaction/leveled.ts'
import { engineOf, keeperOf } from '../integration/regressions/support.ts'
import type { FaultyFileSystem } from '../support/faulty.ts'
import { pick } from '../support/random.ts'
import { SMALL_LEVELS } from '../support/small-compactions.ts'

export type TextDatabase = Database<'utf8', 'utf8'>

export interface OptionSet {
  readonly name: string
  readonly open: Pick<
    OpenOptions<'utf8', 'utf8'>,
    'durability' | 'memoryLimit' | 'memtableSize' | 'flushInterval' | 'maxPendingBytes' | 'recovery'
  >
  readonly tables: TableOptions
  readonly levels: LeveledOptions
  /** Entries passed from which on a range notes a gap. */
  readonly gapFromEntries: number
  /** By the asynchronous calls. */
  readonly isAsync: boolean
  /** How what a batch writes is written. NOTE: nobody reads in between. */
  readonly batches: 'batch' | 'write' | 'one by one'
  /** Ranges are dropped, or their keys are deleted one by one. */
  readonly erases: 'range' | 'keys'
  /** How it ends before it is opened again: by close(), or as a process that is killed. */
  readonly ends: 'closed' | 'killed'
  /** Directories are listed the other way round. */
  readonly listsBackwards: boolean
  /** How far the clock jumps, each time. */
  readonly clockJumpMs: number
}

const yearMs = 365 * 86_400_000
const smallestMemoryBytes = 16 * 1_048_576

const plain = {
  memoryLimit: smallestMemoryBytes,
  // NOTE: timers stay out, so that a history runs the same way every time.
  flushInterval: 60_000,
}

export const defaults: OptionSet = {
  name: 'defaults',
  open: plain,
  tables: {},
  levels: LEVELED_DEFAULTS,
  gapFromEntries: 64,
  isAsync: false,
  batches: 'batch',
  erases: 'range',
  ends: 'closed',
  listsBackwards: false,
  clockJumpMs: 0,
}

export const allTiny: OptionSet = {
  ...defaults,
  name: 'all tiny',
  open: { ...plain, memtableSize: 2048, maxPendingBytes: 4096 },
  tables: { blockSize: 256, restartInterval: 1, bitsPerKey: 1 },
  levels: { tableBytes: 1500, baseBytes: 3000, ratio: 2, flushedRunsTrigger: 2 },
  gapFromEntries: 1,
  ends: 'killed',
  clockJumpMs: -yearMs,
}

export function randomSet(random: () => number, number: number): OptionSet {
  const from = <T>(...list: readonly [T, ...T[]]): T => list[pick(random, list.length)] ?? list[0]
  return {
    name: `random ${number}`,
    open: {
      ...plain,
      durability: from('none', 'buffered', 'os', 'sync'),
      memoryLimit: from(smallestMemoryBytes, smallestMemoryBytes, smallestMemoryBytes + 300_000),
      memtableSize: from(1500, 4096, 16_384, 65_536, 1_048_576),
      recovery: from('tolerate-tail', 'strict'),
    },
    tables: {
      blockSize: from<number | number[]>(256, 1024, 4096, 65_536, [300, 5000]),
      restartInterval: from<number | number[]>(1, 2, 4, 16, 255, [1, 16]),
      compression: from<NonNullable<TableOptions['compression']>>(
        'none',
        'lz4',
        ['none', 'lz4'],
        ['lz4', 'none'],
      ),
      bitsPerKey: from<number | number[]>(0, 1, 10, 40, [10, 0]),
    },
    levels: from(LEVELED_DEFAULTS, SMALL_LEVELS, allTiny.levels, {
      ...allTiny.levels,
      flushedRunsTrigger: 4,
    }),
    gapFromEntries: from(1, 4, 64),
    isAsync: random() < 0.3,
    batches: from('batch', 'batch', 'write', 'one by one'),
    erases: from('range', 'range', 'keys'),
    ends: from('closed', 'killed'),
    listsBackwards: random() < 0.5,
    clockJumpMs: from(0, yearMs, -yearMs),
  }
}

/** Opens a disk in this way. */
export async function openAs(set: OptionSet, files: FaultyFileSystem): Promise<TextDatabase> {
  if (set.listsBackwards) {
    const list = files.list.bind(files)
    files.list = async () => (await list()).reverse()
  }
  const database = await openOn(files, {
    ...set.open,
    tables: set.tables,
    keyEncoding: 'utf8',
    valueEncoding: 'utf8',
  })
  engineOf(database).gapFromEntries = set.gapFromEntries
  const { compactor } = keeperOf(database)
  compactor.options = set.levels
  compactor.sliceMs = Infinity
  return database
}
