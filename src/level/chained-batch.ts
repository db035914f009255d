import { AbstractChainedBatch } from 'abstract-level'
import type { Batch } from '../index.ts'
import { levelError, translated } from './errors.ts'
import type { Data } from './formats.ts'
import { writeOptions, type WriteOptions } from './options.ts'
import type { VarveLevel } from './varve-level.ts'

/** A batch that is filled call by call: one of the engine's, committed as one record of the journal. */
export class ChainedBatch<KDefault, VDefault> extends AbstractChainedBatch<
  VarveLevel<KDefault, VDefault>,
  KDefault,
  VDefault
> {
  readonly #batch: Batch<'bytes', 'bytes'>

  constructor(level: VarveLevel<KDefault, VDefault>, batch: Batch<'bytes', 'bytes'>) {
    super(level)
    this.#batch = batch
  }

  /** @internal */
  _put(key: Data, value: Data): void {
    translated(() => this.#batch.put(key, value))
  }

  /** @internal */
  _del(key: Data): void {
    translated(() => this.#batch.delete(key))
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
