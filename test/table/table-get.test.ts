/** Point reads in tables as they are written: with filters, wherever their blocks are, and with hash indexes in the data blocks. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BLOCK_DATA,
  BLOCK_FILTER,
  FILTER_BLOCK_LINES,
  SLOT_CACHE_MISSES,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_ABSENT,
  STATUS_FOUND,
  STATUS_NEED_BLOCK,
  STATUS_TOMBSTONE,
  SUPERVERSION_BYTES,
  SUPERVERSION_VERSION,
  TABLE_FILTERS,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { createVersionRecord, freeVersionRecord, NO_TABLES } from '../../src/engine/version-record.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { BlockLoader } from '../../src/table/block-loader.ts'
import { EntryStream } from '../../src/table/entry-stream.ts'
import { openTable } from '../../src/table/open.ts'
import type { TableFile } from '../../src/table/table-file.ts'
import { freeTableRecord } from '../../src/table/table-record.ts'
import { FLUSHED_TABLE, TableWriter } from '../../src/table/writer.ts'
import { Version } from '../../src/version/version.ts'
import { anyKey, bytes } from '../kernel/entries.ts'
import { compareEntries, compareKeys, type TableEntry } from '../kernel/table-format.ts'
import { fillMemtable } from '../kernel/table-reader.ts'

const MEMORY_BYTES = 32 * 1024 * 1024
const salt = Uint8Array.from({ length: 16 }, (_, i) => 13 * i + 5)

/** kept: beside the table record. cached: the memory is too full for that. evicted: and out of the cache after every read. */
const PLACES = ['kept', 'cached', 'evicted'] as const
type Place = (typeof PLACES)[number]

type Answer = [status: number, value: string | undefined]

/** Tables of one run each, the last one the newest, and the reads of a thread. */
class Tables {
  readonly kernel: Kernel
  readonly #loader: BlockLoader
  readonly #superVersion: number
  readonly #noTables: number
  readonly #place: Place
  #version = NO_TABLES
  #tables: readonly TableFile[] = []

  private constructor(kernel: Kernel, tables: readonly TableFile[], place: Place) {
    this.kernel = kernel
    this.#place = place
    this.#loader = new BlockLoader(kernel, 16, 0)
    this.#superVersion = kernel.record(SUPERVERSION_BYTES)
    this.#noTables = kernel.record(SUPERVERSION_BYTES)
    this.#install(tables)
    if (place !== 'kept') while (kernel.freePages() > 24) kernel.page()
  }

  static async of(
    runs: readonly (readonly TableEntry[])[],
    bitsPerKey: number,
    place: Place,
  ): Promise<Tables> {
    const kernel = Kernel.create(MEMORY_BYTES, new Uint8Array(8).fill(3))
    const files = memoryFileSystem()
    await files.prepare(true)
    const { exports: x, slot, u8, u32, view, memory } = kernel
    const tables: TableFile[] = []
    for (const [run, entries] of runs.entries()) {
      const memtable = fillMemtable({ memory, x, slot, u8, u32, view }, entries)
      const file = await files.create(`${run}.sst`)
      const writer = new TableWriter(kernel, file, run + 1, 1, salt, 0, { ...FLUSHED_TABLE, bitsPerKey })
      const stream = new EntryStream(kernel, [memtable])
      // Drops nothing, but says that no user key has so many versions that a table must begin with it.
      stream.setRules({ barrier: 1, snapshots: [], older: 0, cutKeys: [], repeats: false })
      while (writer.feed(stream, 1000) === 'more');
      const written = writer.finish(1)
      stream.free()
      x.freeMemtable(memtable)
      // What a reader finds in the file, not what the writer knows.
      const info = { ...written.info, run }
      freeTableRecord(kernel, written.record)
      const table = openTable(kernel, file, info)
      expect(table.filter !== undefined).toBe(bitsPerKey !== 0)
      tables.push(table)
    }
    return new Tables(kernel, tables, place)
  }

  #install(tables: readonly TableFile[]): void {
    const { kernel } = this
    this.#tables = tables
    for (const table of tables) this.#loader.add(table)
    const files = new Map(tables.map((table) => [table.info.id, table]))
    this.#version = createVersionRecord(kernel, Version.of(tables.map(({ info }) => info)).runs, files)
    kernel.u32[(this.#superVersion + SUPERVERSION_VERSION) >>> 2] = this.#version.address
  }

  /** Closes all tables and opens them again. */
  reopen(): void {
    const { kernel } = this
    this.#evict()
    freeVersionRecord(kernel, this.#version)
    for (const table of this.#tables) {
      this.#loader.remove(table)
      freeTableRecord(kernel, table.record)
    }
    this.#install(this.#tables.map(({ file, info }) => openTable(kernel, file, info)))
  }

  get(key: Uint8Array, seqno: number): Answer {
    const { exports: x, slot, u8, input } = this.kernel
    if (this.#place === 'evicted') this.#evict()
    for (;;) {
      u8.set(key, input)
      const status = x.pointRead(slot, this.#superVersion, input, key.length, seqno)
      if (status === STATUS_NEED_BLOCK) {
        this.#loader.loadNeeded()
        continue
      }
      if (status !== STATUS_FOUND) return [status, undefined]
      const at = this.kernel.word(SLOT_POINTER)
      return [status, Buffer.from(u8.slice(at, at + this.kernel.word(SLOT_LENGTH))).toString('hex')]
    }
  }

  /** Empties the cache. The value read last pins its page, other blocks in it included, until the next read. */
  #evict(): void {
    const { kernel } = this
    kernel.exports.pointRead(kernel.slot, this.#noTables, kernel.input, 0, 1)
    this.#loader.releasePages(1000)
  }

  /** Blocks of a kind that had to be loaded so far. */
  misses(kind: number): number {
    return Number(this.kernel.view.getBigUint64(this.kernel.slot + SLOT_CACHE_MISSES + 8 * kind, true))
  }

  filterBlocks(): number {
    return this.#tables.reduce(
      (sum, { filter }) => sum + Math.ceil((filter?.lines ?? 0) / FILTER_BLOCK_LINES),
      0,
    )
  }

  keptFilterBlocks(): number {
    const { u32 } = this.kernel
    let kept = 0
    for (const { record, filter } of this.#tables) {
      const list = (u32[(record + TABLE_FILTERS) >>> 2] as number) >>> 2
      const blocks = Math.ceil((filter?.lines ?? 0) / FILTER_BLOCK_LINES)
      for (let i = 0; i < blocks; i++) if (u32[list + i] !== 0) kept++
    }
    return kept
  }

  release(): void {
    this.kernel.release()
  }
}

/** What the newest entry below S says. */
function oracle(entries: readonly TableEntry[], key: Uint8Array, seqno: number): Answer {
  const newest = entries
    .filter((entry) => compareKeys(entry.key, key) === 0 && entry.seqno < BigInt(seqno))
    .sort(compareEntries)[0]
  if (newest === undefined) return [STATUS_ABSENT, undefined]
  if (newest.type === TYPE_TOMBSTONE) return [STATUS_TOMBSTONE, undefined]
  return [STATUS_FOUND, Buffer.from(newest.value).toString('hex')]
}

const number = (i: number): Uint8Array => bytes(String(i).padStart(16, '0'))

describe('reads with filters', { timeout: 120_000 }, () => {
  test.each(PLACES)('%s: any key at any S is answered as without filters', async (place) => {
    const key = fc.oneof(
      anyKey.filter(({ length }) => length <= 4000),
      fc.nat(30).map(number),
    )
    const write = fc.tuple(key, fc.constantFrom(TYPE_VALUE, TYPE_VALUE, TYPE_TOMBSTONE))
    const run = fc.array(write, { minLength: 1, maxLength: 60, size: 'max' })
    const bits = fc.constantFrom(1, 5, 10, 40)
    await fc.assert(
      fc.asyncProperty(
        fc.array(run, { minLength: 1, maxLength: 3 }),
        bits,
        fc.array(key, { maxLength: 20 }),
        async (drawn, bitsPerKey, others) => {
          let seqno = 0n
          const runs = drawn.map((writes) =>
            writes.map(([key, type]): TableEntry => {
              seqno++
              const value = type === TYPE_VALUE ? bytes(`value ${seqno}`) : new Uint8Array(0)
              return { key, type, seqno, value }
            }),
          )
          const entries = runs.flat()
          const last = Number(seqno) + 1
          const filtered = await Tables.of(runs, bitsPerKey, place)
          const plain = await Tables.of(runs, 0, place)
          for (const key of [...entries.map(({ key }) => key), ...others, new Uint8Array(0)]) {
            for (const at of [1, 2, last >> 1, last - 1, last].filter((at) => at > 0)) {
              const expected = oracle(entries, key, at)
              expect(filtered.get(key, at)).toEqual(expected)
              expect(plain.get(key, at)).toEqual(expected)
            }
          }
          filtered.release()
          plain.release()
        },
      ),
      { numRuns: 40 },
    )
  })

  // 30,000 keys at 10 bits: 586 lines, two blocks.
  const entries = Array.from({ length: 30_000 }, (_, i): TableEntry => {
    return { key: number(2 * i), type: TYPE_VALUE, seqno: BigInt(i + 1), value: bytes(`value ${i}`) }
  })
  const present = entries.filter((_, i) => i % 61 === 0)
  const absent = Array.from({ length: 2000 }, (_, i) => number(2 * ((i * 7919) % 29_999) + 1))

  test.each(PLACES)(
    '%s: the blocks of a filter are where they should be, and every line is asked',
    async (place) => {
      const tables = await Tables.of([entries], 10, place)
      expect(tables.filterBlocks()).toBe(2)
      for (const { key, value } of present) {
        expect(tables.get(key, 30_001)).toEqual([STATUS_FOUND, Buffer.from(value).toString('hex')])
      }
      expect(tables.keptFilterBlocks()).toBe(place === 'kept' ? 2 : 0)
      if (place === 'kept') expect(tables.misses(BLOCK_FILTER)).toBe(2)
      if (place === 'evicted') expect(tables.misses(BLOCK_FILTER)).toBe(present.length)
      tables.release()
    },
  )

  test('a key that is not there costs no data block, but for false positives', async () => {
    const read = async (bitsPerKey: number): Promise<number> => {
      const tables = await Tables.of([entries], bitsPerKey, 'evicted')
      for (const key of absent) expect(tables.get(key, 30_001)).toEqual([STATUS_ABSENT, undefined])
      const misses = tables.misses(BLOCK_DATA)
      tables.release()
      return misses
    }
    const without = await read(0)
    expect(without).toBeGreaterThan(absent.length * 0.9)
    expect(await read(10)).toBeLessThan(absent.length * 0.02)
  })

  test('a table that is closed gives back what was kept of its filter', async () => {
    const tables = await Tables.of([entries], 10, 'kept')
    let free = 0
    for (let round = 0; round < 20; round++) {
      for (const { key } of present) expect(tables.get(key, 30_001)[0]).toBe(STATUS_FOUND)
      expect(tables.keptFilterBlocks()).toBe(2)
      tables.reopen()
      // The first round cuts pages into records, which the later ones use again.
      if (round === 0) free = tables.kernel.freePages()
      expect(tables.kernel.freePages()).toBe(free)
      expect(tables.keptFilterBlocks()).toBe(0)
    }
    tables.release()
  })
})

describe('reads with hash indexes', () => {
  test.each([0, 10])(
    'versions of a key that go on in the next block, at every S; %d bits per key',
    async (bitsPerKey) => {
      // Of three keys the one in the middle fills a dozen blocks; the others share the first and the last of them.
      const versions = 400
      const entries = Array.from({ length: versions }, (_, i): TableEntry => {
        const key = bytes(i % 50 === 7 ? 'a' : i % 50 === 8 ? 'c' : 'b')
        const type = i % 29 === 3 ? TYPE_TOMBSTONE : TYPE_VALUE
        const value = type === TYPE_VALUE ? Buffer.alloc(100, `value ${i} `) : new Uint8Array(0)
        return { key, type, seqno: BigInt(i + 1), value }
      })
      const tables = await Tables.of([entries], bitsPerKey, 'kept')
      for (let at = 1; at <= versions + 1; at++) {
        for (const key of ['', 'a', 'aa', 'b', 'bb', 'c', 'cc'].map(bytes)) {
          expect(tables.get(key, at)).toEqual(oracle(entries, key, at))
        }
      }
      expect(tables.misses(BLOCK_DATA)).toBeGreaterThan(8)
      tables.release()
    },
  )
})
