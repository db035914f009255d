import type { Batch } from '../index.ts'
import { closeQuietly, openDatabase, rawKeyspace, type RawDatabase, type RawKeyspace } from './database.ts'
import type { EntryItem, KeyspaceHeader, KeyspaceItem, LoadItem } from './entries.ts'
import { malformed } from './input.ts'
import type { DatabaseChoice } from './options.ts'

const BATCH_ENTRIES = 1000
const BATCH_BYTES = 4 * 1024 * 1024

/** The database being loaded: collects entries in batches and commits each as it fills. */
export class LoadTarget {
  readonly #database: RawDatabase
  readonly #onCommit: (entries: number) => void
  #keyspace: RawKeyspace
  #batch: Batch<'bytes', 'bytes'>

  private constructor(database: RawDatabase, keyspace: RawKeyspace, onCommit: (entries: number) => void) {
    this.#database = database
    this.#keyspace = keyspace
    this.#onCommit = onCommit
    this.#batch = database.batch()
  }

  /** Opens or creates the database; `defaults` are the encodings a dump fixes for the default keyspace. */
  static async open(
    directory: string,
    choice: DatabaseChoice,
    defaults: KeyspaceHeader | undefined,
    onCommit: (entries: number) => void,
  ): Promise<LoadTarget> {
    const database = await openDatabase(directory, choice, true, defaults)
    try {
      return new LoadTarget(database, await rawKeyspace(database, choice.keyspace ?? ''), onCommit)
    } catch (error) {
      await closeQuietly(database)
      throw error
    }
  }

  /** @returns something to wait for when a batch is full; the next item must not come before. */
  add(item: LoadItem): Promise<void> | undefined {
    if (item.type === 'keyspace') return this.#select(item)
    this.#put(item)
    const isFull = this.#batch.length >= BATCH_ENTRIES || this.#batch.sizeBytes >= BATCH_BYTES
    return isFull ? this.commit() : undefined
  }

  async commit(): Promise<void> {
    const batch = this.#batch
    const entries = batch.length
    if (entries === 0) return
    await batch.commit()
    this.#batch = this.#database.batch()
    this.#onCommit(entries)
  }

  async close(): Promise<void> {
    await this.#database.close()
  }

  /** Closes without committing what is collected; for use when something else has failed. */
  async abandon(): Promise<void> {
    await closeQuietly(this.#database)
  }

  #put(item: EntryItem): void {
    try {
      this.#batch.put(this.#keyspace, item.key, item.value)
    } catch (error) {
      // A key or value that is too long: the line is at fault, not the program.
      if (!(error instanceof RangeError)) throw error
      throw malformed(item.line, `${error.message}.`)
    }
  }

  async #select(item: KeyspaceItem): Promise<void> {
    await this.commit()
    this.#keyspace = await rawKeyspace(this.#database, item.name, item)
  }
}
