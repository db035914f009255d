/** Tables that TableWriter writes, compressed or not, read by what the engine reads them with and by the tests' own reader. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BLOCK_EXTENT,
  CONTROL_FREE_PAGES,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_TABLE,
  SLOT_TYPE,
  STATUS_FOUND,
  STATUS_NEED_BLOCK,
  SUPERVERSION_BYTES,
  SUPERVERSION_VERSION,
  TYPE_EXTENT,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { createVersionRecord, freeVersionRecord } from '../../src/engine/version-record.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { tableFileName } from '../../src/fs/file-names.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { BlockLoader } from '../../src/table/block-loader.ts'
import type { Compression } from '../../src/table/compression.ts'
import { EntryStream } from '../../src/table/entry-stream.ts'
import { openTable } from '../../src/table/open.ts'
import type { TableFile } from '../../src/table/table-file.ts'
import { FLUSHED_TABLE, TableWriter } from '../../src/table/writer.ts'
import { Version } from '../../src/version/version.ts'
import {
  compareEntries,
  compareKeys,
  readExtentList,
  viewOf,
  type TableEntry,
} from '../kernel/table-format.ts'
import { fillMemtable, readBlocks, readTableFile } from '../kernel/table-reader.ts'

const salt = Uint8Array.from({ length: 16 }, (_, i) => 13 * i + 5)
const memoryBytes = 32 * 1024 * 1024

interface Written {
  kernel: Kernel
  table: TableFile
  file: Uint8Array
}

/** Writes one table and opens it again. */
async function write(entries: readonly TableEntry[], compression: Compression = 'none'): Promise<Written> {
  const kernel = Kernel.create(memoryBytes, new Uint8Array(8).fill(3))
  const { exports: x, slot, u8, u32, view, memory } = kernel
  const memtable = fillMemtable({ memory, x, slot, u8, u32, view }, entries)
  const free = kernel.freePages()
  const files = memoryFileSystem()
  await files.prepare(true)
  const writer = new TableWriter(kernel, await files.create(tableFileName(7)), 7, 1, salt, 0, {
    ...FLUSHED_TABLE,
    compression,
  })
  const stream = new EntryStream(kernel, [memtable])
  while (writer.feed(stream, 100) === 'more');
  const { info, file } = writer.finish(1)
  stream.free()
  // The builder's pages are back; the table's records may have taken two.
  expect(u32[CONTROL_FREE_PAGES >>> 2]).toBeGreaterThanOrEqual(free - 2)
  x.freeMemtable(memtable)
  const bytes = new Uint8Array(info.sizeBytes)
  expect(file.read(bytes, 0)).toBe(info.sizeBytes)
  return { kernel, table: openTable(kernel, await files.open(tableFileName(7), false), info), file: bytes }
}

/** Reads every key as the engine does: kernel calls, and a loader for the blocks they ask for. */
function expectReads({ kernel, table }: Written, entries: readonly TableEntry[]): void {
  const { exports: x, slot, u8, u32, input } = kernel
  const loader = new BlockLoader(kernel, 16, 2)
  loader.add(table)
  const version = createVersionRecord(
    kernel,
    Version.of([table.info]).runs,
    new Map([[table.info.id, table]]),
  )
  const superVersion = kernel.record(SUPERVERSION_BYTES)
  u32[(superVersion + SUPERVERSION_VERSION) >>> 2] = version.address
  for (const { key, seqno, value } of entries) {
    let status: number
    do {
      u8.set(key, input)
      status = x.pointRead(slot, superVersion, input, key.length, Number(seqno) + 1)
      if (status === STATUS_NEED_BLOCK) loader.loadNeeded()
    } while (status === STATUS_NEED_BLOCK)
    expect(status).toBe(STATUS_FOUND)
    const at = kernel.word(SLOT_POINTER)
    const found = u8.slice(at, at + kernel.word(SLOT_LENGTH))
    if (kernel.word(SLOT_TYPE) !== TYPE_EXTENT) {
      expect(compareKeys(found, value)).toBe(0)
      continue
    }
    expect(kernel.word(SLOT_TABLE)).toBe(table.record)
    let { offset } = readExtentList(found)
    const parts = readExtentList(found).sizes.map((size) => {
      offset += size
      return loader.loadOnce(table, offset - size, size, BLOCK_EXTENT).slice()
    })
    expect(compareKeys(Buffer.concat(parts), value)).toBe(0)
  }
  x.freeRecord(superVersion, SUPERVERSION_BYTES)
  freeVersionRecord(kernel, version)
  kernel.release()
}

async function expectRoundTrip(entries: readonly TableEntry[], compression: Compression): Promise<Written> {
  const written = await write(entries, compression)
  const expected = entries
    .map((entry) => (entry.value.length >= 32768 ? { ...entry, type: TYPE_EXTENT } : entry))
    .toSorted(compareEntries)
  const found = readTableFile(written.file, salt)
  expect(found.length).toBe(expected.length)
  found.forEach((entry, i) => {
    expect(compareEntries(entry, expected[i] as TableEntry)).toBe(0)
    expect(compareKeys(entry.value, (expected[i] as TableEntry).value)).toBe(0)
  })
  expectReads(written, expected)
  return written
}

const repeated = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i % 100 < 50 ? Math.imul(i + seed, 2654435761) >>> 24 : seed))

const records = Array.from({ length: 3000 }, (_, i): TableEntry => {
  const length = i % 900 === 13 ? 200_000 : 100
  const key = Buffer.from(String(i).padStart(16, '0'))
  return { key, type: TYPE_VALUE, seqno: BigInt(i + 1), value: repeated(length, i & 255) }
})

describe.each<Compression>(['none', 'lz4'])('compression %s', (compression) => {
  test('any entries read back', async () => {
    const anyEntry = fc.record({
      key: fc.uint8Array({ maxLength: 12 }),
      value: fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 255 })).map(([length, seed]) => repeated(length, seed)),
        fc.constantFrom(32_767, 32_768, 131_009, 300_000).map((length) => repeated(length, 9)),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 120, size: 'max' }), async (drafts) => {
        const entries = drafts.map((draft, i) => ({ ...draft, type: TYPE_VALUE, seqno: BigInt(i + 1) }))
        await expectRoundTrip(entries, compression)
      }),
      { numRuns: 15 },
    )
  })

  test('the file says what was aimed at and what became of it', async () => {
    const { file } = await expectRoundTrip(records, compression)
    const footer = viewOf(file.subarray(file.length - 64))
    const properties = file.subarray(Number(footer.getBigUint64(16, true)) + 16, file.length - 64 - 8)
    expect([...properties.subarray(-3)]).toEqual([32, 1, compression === 'lz4' ? 1 : 0])
    const blocks = readBlocks(file.subarray(0, file.length - 64), salt)
    const compressed = blocks.filter(({ isCompressed }) => isCompressed)
    expect([...new Set(compressed.map(({ kind }) => kind))].sort()).toEqual(
      compression === 'lz4' ? [1, 2, 8] : [],
    )
  })
})

test('compression is off unless asked for, and makes the file shorter', async () => {
  const size = async (compression?: Compression): Promise<number> => {
    const { table, kernel } = await write(records, compression)
    kernel.release()
    return table.info.sizeBytes
  }
  const none = await size('none')
  expect(await size()).toBe(none)
  expect(await size('lz4')).toBeLessThan(0.7 * none)
})
