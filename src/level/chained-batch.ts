import { AbstractChainedBatch } from 'abstract-level'
import type { Batch } from '../index.ts'
import { levelError } from './errors.ts'
import type { Data } from './formats.ts'
import { writeOptions, type ChainedBatchWriteOptions, type WriteOptions } from './options.ts'

/** A batch that is filled call by call: one of the engine's, committed as one record of the journal. */
export class ChainedBatch<TDatabase, KDefault, VDefault> extends AbstractChainedBatch<
  TDatabase,
  KDefault,
  VDefault
> {
  readonly #batch: Batch<'bytes', 'bytes'>

  /** @internal */
  constructor(level: TDatabase, batch: Batch<'bytes', 'bytes'>) {
    super(level)
    this.#batch = batch
  }

  /** Commits the operations, all of them or none. */
  override write(options?: ChainedBatchWriteOptions): Promise<void> {
    return options === undefined ? super.write() : super.write(options)
  }

  /** @internal */
  _put(key: Data, value: Data): void {
    try {
      this.#batch.put(key, value)
    } catch (error) {
      throw levelError(error)
    }
  }

  /** @internal */
  _del(key: Data): void {
    try {
      this.#batch.delete(key)
    } catch (error) {
      throw levelError(error)
    }
  }

  /** @internal */
  _clear(): void {
    this.#batch.clear()
  }

  /** @internal */
  async _write(options: WriteOptions): Promise<void> {
    try {
      await this.#batch.commit(writeOptions(options))
    } catch (error) {
      throw levelError(error)
    }
  }
}
