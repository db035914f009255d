import { tableFileName } from '../fs/file-names.ts'
import type { File } from '../fs/filesystem.ts'
import type { EntryStream } from '../table/entry-stream.ts'
import { readBack } from '../table/read-back.ts'
import type { TableFile } from '../table/table-file.ts'
import { TableWriter, type TablePolicy } from '../table/writer.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Keeper } from './keeper.ts'

/** Entries written between two looks at the clock. */
const SLICE_ENTRIES = 2000

/**
 * The tables that a flush or a compaction writes, until they are installed or given up.
 * CRASH: no manifest names them, so the next open deletes them.
 */
export interface Output {
  readonly tables: readonly TableFile[]
  /** All is written, and every table was read back. */
  readonly built: boolean
  /** Writes until the deadline (milliseconds of performance.now()) or the end. @throws CORRUPT, DISK_FULL, NO_MEMORY, IO, … */
  step(deadline: number): void
  /** Where another thread takes the steps: resolves when it has come further. */
  readonly elsewhere?: Promise<void>
  /** That thread has ended: the tables are to be written again. */
  readonly isLost?: boolean
  /** Frees what building took. INVARIANT: built; the tables are the caller's now. */
  release(): void
  /** Closes and deletes what was written so far. */
  abandon(): void
}

/** What an output needs of who writes it. */
export interface OutputHost {
  readonly kernel: Kernel
  newFileId(): number
  createFile(name: string): File
  /** Deletes what no manifest names. */
  removeFile(name: string): void
  /** Closes and deletes tables, and frees their records. */
  discardTables(tables: readonly TableFile[]): void
}

/** Those that this thread writes from an entry stream. */
export class TableOutput implements Output {
  readonly tables: TableFile[] = []
  /** The stream has ended, and every table was read back. */
  built = false
  readonly #host: OutputHost
  readonly #keyspaceId: number
  readonly #stream: EntryStream
  readonly #level: number
  readonly #policy: TablePolicy
  #writer: TableWriter | undefined

  /** Takes the stream over. */
  constructor(host: OutputHost, keyspaceId: number, stream: EntryStream, level: number, policy: TablePolicy) {
    this.#host = host
    this.#keyspaceId = keyspaceId
    this.#stream = stream
    this.#level = level
    this.#policy = policy
  }

  step(deadline: number): void {
    do {
      this.#writer ??= this.#newWriter()
      const progress = this.#writer.feed(this.#stream, SLICE_ENTRIES)
      if (progress === 'more') continue
      if (progress === 'table-full' && this.#writer.entries === 0)
        throw new Error('a table was full without an entry')
      this.#finishTable(this.#writer)
      this.built = progress === 'stream-ended'
    } while (!this.built && performance.now() < deadline)
    if (this.built) this.#check()
  }

  release(): void {
    this.#stream.free()
  }

  abandon(): void {
    if (this.#writer !== undefined) {
      this.#writer.abandon()
      this.#host.removeFile(tableFileName(this.#writer.id))
      this.#writer = undefined
    }
    this.#host.discardTables(this.tables)
    this.#stream.free()
  }

  #newWriter(): TableWriter {
    const host = this.#host
    const { kernel } = host
    const id = host.newFileId()
    const file = host.createFile(tableFileName(id))
    try {
      const salt = crypto.getRandomValues(new Uint8Array(16))
      return new TableWriter(kernel, file, id, this.#keyspaceId, salt, this.#level, this.#policy)
    } catch (error) {
      file.close()
      host.removeFile(file.name)
      throw error
    }
  }

  #finishTable(writer: TableWriter): void {
    if (writer.entries === 0) {
      // NOTE: everything was dropped.
      this.#writer = undefined
      writer.abandon()
      this.#host.removeFile(tableFileName(writer.id))
      return
    }
    const table = writer.finish(Date.now())
    this.#writer = undefined
    this.tables.push(table)
    readBack(this.#host.kernel, table)
  }

  /** Every entry that was read is in a table or was dropped by a rule. @throws POISONED: a bug must not become durable. */
  #check(): void {
    const { read, dropped } = this.#stream
    const written = this.tables.reduce((sum, { info }) => sum + info.entries, 0)
    if (read === dropped + written) return
    throw new Error(`${read} entries went in, but ${written} came out and ${dropped} were dropped`)
  }
}

/** What is written for a keeper on its own thread. */
export function outputHost(keeper: Keeper): OutputHost {
  const { kernel, catalog, files, disposal } = keeper
  return {
    kernel,
    newFileId: () => catalog.newFileId(),
    createFile: (name) => files.create(name),
    removeFile: (name) => files.removeOrphan(name),
    discardTables: (tables) => disposal.discardTables(tables),
  }
}
