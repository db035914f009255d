/** Flushes and compactions of tables in memory, for tests of what they may drop. */
import { TYPE_TOMBSTONE, TYPE_WEAK_TOMBSTONE } from '../../assembly/memory/layout.ts'
import { createVersionRecord, freeVersionRecord } from '../../src/engine/version-record.ts'
import type { File } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { Kernel } from '../../src/kernel/kernel.ts'
import { BlockLoader } from '../../src/table/block-loader.ts'
import { EntryStream } from '../../src/table/entry-stream.ts'
import { readBack } from '../../src/table/read-back.ts'
import type { TableFile } from '../../src/table/table-file.ts'
import { freeTableRecord } from '../../src/table/table-record.ts'
import { FLUSHED_TABLE, TableWriter, type TablePolicy } from '../../src/table/writer.ts'
import { compareEntries, compareKeys, type TableEntry } from '../kernel/table-format.ts'
import { fillMemtable, readTableFile } from '../kernel/table-reader.ts'

const salt = Uint8Array.from({ length: 16 }, (_, i) => 13 * i + 5)

export interface Inputs {
  /** Entries of memtables. */
  readonly memtables?: readonly (readonly TableEntry[])[]
  /** Entries of runs, each of some tables. */
  readonly runs?: readonly (readonly (readonly TableEntry[])[])[]
  /** Tables that may hold older entries. */
  readonly older?: readonly (readonly TableEntry[])[]
  readonly barrier?: number
  readonly snapshots?: readonly number[]
  readonly cutKeys?: readonly Uint8Array[]
  readonly policy?: Partial<TablePolicy>
}

export class StreamWorld {
  readonly kernel: Kernel = Kernel.create(64 * 2 ** 20, new Uint8Array(8).fill(3))
  readonly blocks: BlockLoader = new BlockLoader(this.kernel, 64, 8)
  readonly #files = memoryFileSystem()
  #nextId = 1

  /** A table of these entries, every one of them. */
  async table(entries: readonly TableEntry[], policy: Partial<TablePolicy> = {}): Promise<TableFile> {
    const [table, ...more] = await this.write({ memtables: [entries], policy })
    if (table === undefined || more.length > 0) throw new Error('not one table')
    return table
  }

  /** Writes the entries that are left, slice by slice. */
  async write(inputs: Inputs): Promise<TableFile[]> {
    const { kernel, blocks } = this
    const { exports: x, slot, u8, u32, view, memory } = kernel
    const memtables = (inputs.memtables ?? []).map((entries) =>
      fillMemtable({ memory, x, slot, u8, u32, view }, entries),
    )
    const sources: TableFile[][] = []
    for (const run of inputs.runs ?? []) {
      const tables: TableFile[] = []
      for (const entries of run)
        tables.push(await this.table(entries, { ...inputs.policy, targetBytes: Infinity }))
      sources.push(tables)
    }
    const older: TableFile[] = []
    for (const entries of inputs.older ?? []) older.push(await this.table(entries))
    const record = createVersionRecord(
      kernel,
      older.map(({ info }) => [info]),
      new Map(older.map((table) => [table.info.id, table])),
    )
    const stream = new EntryStream(kernel, memtables, sources, blocks)
    if (inputs.barrier !== undefined) {
      const { barrier, snapshots = [], cutKeys = [] } = inputs
      stream.setRules({ barrier, snapshots, older: record.address, cutKeys, repeats: false })
    }
    const tables: TableFile[] = []
    const input = [...(inputs.memtables ?? []), ...(inputs.runs ?? []).flat()].flat().length
    for (let more = true; more;) {
      const id = this.#nextId++
      const file: File = await this.#files.create(`${id}.sst`)
      const writer = new TableWriter(kernel, file, id, 1, salt, 1, { ...FLUSHED_TABLE, ...inputs.policy })
      let progress = writer.feed(stream, 7)
      while (progress === 'more') progress = writer.feed(stream, 7)
      more = progress === 'table-full'
      if (writer.entries === 0) writer.abandon()
      else {
        const table = writer.finish(1)
        readBack(kernel, table)
        blocks.add(table)
        tables.push(table)
      }
    }
    const written = tables.reduce((sum, { info }) => sum + info.entries, 0)
    if (stream.read !== input || stream.read - stream.dropped !== written)
      throw new Error('entries are missing')
    stream.free()
    freeVersionRecord(kernel, record)
    for (const memtable of memtables) x.freeMemtable(memtable)
    for (const table of [...sources.flat(), ...older]) this.close(table)
    return tables
  }

  /** What is left of the inputs. */
  async entries(inputs: Inputs): Promise<TableEntry[]> {
    const tables = await this.write(inputs)
    const read = tables.flatMap((table) => this.read(table))
    for (const table of tables) this.close(table)
    return read
  }

  read({ info, file }: TableFile): TableEntry[] {
    const bytes = new Uint8Array(info.sizeBytes)
    file.read(bytes, 0)
    return readTableFile(bytes, salt)
  }

  close(table: TableFile): void {
    this.blocks.remove(table)
    table.file.close()
    freeTableRecord(this.kernel, table.record)
  }
}

/** What a read at S finds of each key: the newest entry with a smaller seqno, if it is not a tombstone. */
export function visible(entries: readonly TableEntry[], seqno: number): TableEntry[] {
  const found: TableEntry[] = []
  let key: Uint8Array | undefined
  for (const entry of entries.toSorted(compareEntries)) {
    if (Number(entry.seqno) >= seqno || (key !== undefined && compareKeys(key, entry.key) === 0)) continue
    key = entry.key
    if (entry.type !== TYPE_TOMBSTONE && entry.type !== TYPE_WEAK_TOMBSTONE) found.push(entry)
  }
  return found
}
