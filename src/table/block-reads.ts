import { TABLE_USERS } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BlockMissing, blockKey } from './awaited-blocks.ts'
import type { OpenTable } from './table-file.ts'

/**
 * The asynchronous reads of table files that this thread has under way. Whoever wants the same block waits for the same read.
 *
 * INVARIANT: while a table has TABLE_USERS its file stays open and its record stays where it is, on every thread: a descriptor that was given back to
 * the host could name another file by then.
 * NOTE: they read into memory of JavaScript, so that the memory of the database can be given back at any time.
 */
export class BlockReads {
  readonly #kernel: Kernel
  readonly #underWay = new Map<string, Promise<Uint8Array>>()
  /** Called after each of them: something that was retired may have waited for it. */
  onEnd: () => void = () => {}

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /**
   * Begins to read a block, if nobody did.
   * ORDER: said before the caller, who found the table in a SuperVersion, ends his read (leaveRead); who closes files looks after it.
   */
  start(table: OpenTable, ordinal: number, offset: number, sizeBytes: number): BlockMissing {
    const key = blockKey(ordinal, offset)
    let bytes = this.#underWay.get(key)
    if (bytes === undefined) {
      bytes = this.#read(table, key, offset, sizeBytes)
      this.#underWay.set(key, bytes)
      // NOTE: those who wait are told; nobody may be left.
      bytes.catch(() => {})
    }
    return new BlockMissing(key, bytes)
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay.values())
  }

  async #read(
    { file, record }: OpenTable,
    key: string,
    offset: number,
    sizeBytes: number,
  ): Promise<Uint8Array> {
    const { files } = this.#kernel
    files.begin(record + TABLE_USERS)
    try {
      const bytes = new Uint8Array(sizeBytes)
      const got = (await file.readAsync?.(bytes, offset)) ?? 0
      return bytes.subarray(0, got)
    } finally {
      this.#underWay.delete(key)
      files.end(record + TABLE_USERS)
      this.onEnd()
    }
  }
}
