/** A tree of tables without files: what choices of a strategy make of it. */
import fc from 'fast-check'
import type { Choice, CompactionState } from '../../src/compaction/choice.ts'
import { LAST_LEVEL } from '../../src/compaction/levels.ts'
import { assignRuns } from '../../src/version/flush-runs.ts'
import { Version, type Run, type TableInfo } from '../../src/version/version.ts'

const ENTRY_BYTES = 100

export const IDLE: CompactionState = { running: [], oldestSnapshot: Infinity, maxInputRuns: 32 }

export const keyOf = (number: number): Uint8Array => Uint8Array.of(number >>> 8, number & 255)

/** A table of a level and run, from key to key; what else is asked for may be given. */
export function table(
  id: number,
  level: number,
  run: number,
  from: number,
  to: number,
  more: Partial<TableInfo> = {},
): TableInfo {
  return {
    id,
    keyspaceId: 0,
    level,
    run,
    sizeBytes: 1000,
    salt: new Uint8Array(16),
    smallestKey: keyOf(from),
    largestKey: keyOf(to),
    lowestSeqno: 1,
    highestSeqno: 10,
    entries: 10,
    tombstones: 0,
    hiddenVersions: 0,
    createdAt: 0,
    fileChecksum: new Uint8Array(8),
    ...more,
  }
}

/** Entries of a simulated table: keys ascending, each once, with the seqno of its newest version; negative: a tombstone. */
type Content = ReadonlyMap<number, number>

/** A Version with what its tables hold, and the steps that change it. */
export class SimulatedTree {
  version: Version = Version.empty
  readonly contents: Map<number, Content> = new Map()
  #nextId = 1
  #seqno = 1
  /** The truth: newest seqno of each key; negative: deleted. */
  readonly newest: Map<number, number> = new Map()

  /** Flushes writes: keys, negative ones deletions (−1 − key). */
  flush(writes: readonly number[]): void {
    const content = new Map<number, number>()
    for (const write of writes) {
      const key = write < 0 ? -1 - write : write
      const seqno = this.#seqno++
      content.set(key, write < 0 ? -seqno : seqno)
      this.newest.set(key, write < 0 ? -seqno : seqno)
    }
    const tables = assignRuns([this.#table(content, 0)], this.version, () => this.#nextId++)
    this.version = this.version.withTables(tables, [])
  }

  apply(choice: Choice, targetBytes: number = Infinity): void {
    if (choice.type === 'drop') {
      this.version = this.version.withTables([], choice.tables)
      return
    }
    if (choice.type === 'move') {
      const moved = choice.tables.map((each) => ({ ...each, level: choice.level, run: 0 }))
      this.version = this.version.withTables(moved, choice.tables)
      return
    }
    const removed = choice.inputs.flat()
    const ids = new Set(removed.map(({ id }) => id))
    const merged = new Map<number, number>()
    for (const run of choice.inputs.toReversed())
      for (const { id } of run) for (const [key, seqno] of this.contents.get(id) ?? []) merged.set(key, seqno)
    const newest = this.version.runs.findIndex((run) => run.some(({ id }) => ids.has(id)))
    const older = this.version.runs
      .slice(newest)
      .flat()
      .filter(({ id }) => !ids.has(id))
    const added: TableInfo[] = []
    let content = new Map<number, number>()
    const end = (): void => {
      if (content.size > 0) added.push(this.#table(content, choice.level))
      content = new Map()
    }
    for (const [key, seqno] of [...merged].sort(([a], [b]) => a - b)) {
      if (seqno < 0 && !older.some((each) => this.contents.get(each.id)?.has(key))) continue
      content.set(key, seqno)
      if (content.size * ENTRY_BYTES >= Math.min(targetBytes, choice.targetBytes)) end()
    }
    end()
    this.version = this.version.withTables(added, removed)
  }

  /** Throws unless every read finds the newest version first and levels are as they must be. */
  check(): void {
    const seen = new Map<number, number>()
    const levels = new Set<number>()
    for (const run of this.version.runs) {
      const level = (run[0] as TableInfo).level
      if (level > LAST_LEVEL) throw new Error(`level ${level}`)
      if (level > 0 && levels.has(level)) throw new Error(`two runs of level ${level}`)
      levels.add(level)
      for (const { id } of run) {
        for (const [key, seqno] of this.contents.get(id) ?? []) {
          const above = seen.get(key)
          if (above !== undefined && Math.abs(above) < Math.abs(seqno))
            throw new Error(`key ${key} is newer below`)
          if (above === undefined) seen.set(key, seqno)
        }
      }
    }
    for (const [key, seqno] of this.newest) {
      const found = seen.get(key)
      if (seqno > 0 ? found !== seqno : found !== undefined && found !== seqno)
        throw new Error(`key ${key} is wrong`)
    }
  }

  #table(content: Content, level: number): TableInfo {
    const keys = [...content.keys()].sort((a, b) => a - b)
    const seqnos = [...content.values()].map(Math.abs)
    const made = table(this.#nextId++, level, 0, keys[0] as number, keys.at(-1), {
      sizeBytes: ENTRY_BYTES * keys.length,
      entries: keys.length,
      tombstones: [...content.values()].filter((seqno) => seqno < 0).length,
      lowestSeqno: Math.min(...seqnos),
      highestSeqno: Math.max(...seqnos),
    })
    this.contents.set(made.id, content)
    return made
  }
}

/** Flushes of some writes each, ascending ones among them. */
export const flushes: fc.Arbitrary<readonly (readonly number[])[]> = fc.array(
  fc.oneof(
    fc.array(fc.integer({ min: -300, max: 299 }), { minLength: 1, maxLength: 60 }),
    fc
      .tuple(fc.nat(240), fc.integer({ min: 1, max: 60 }))
      .map(([from, count]) => Array.from({ length: count }, (_, i) => from + i)),
  ),
  { minLength: 1, maxLength: 25, size: 'max' },
)

export function idsOf(tables: readonly TableInfo[] | readonly Run[]): number[] {
  return tables.flat().map(({ id }) => id)
}
