/** A read that may not wait for files has come to a block that is not in memory. Thrown, and never seen by users. */
export class BlockMissing {
  /** Names the block among all of the database. */
  readonly key: string
  /** What was read from the file, unchecked: shorter than the block only if the file ends there. */
  readonly bytes: Promise<Uint8Array>

  constructor(key: string, bytes: Promise<Uint8Array>) {
    this.key = key
    this.bytes = bytes
  }
}

export function blockKey(ordinal: number, offset: number): string {
  return `${ordinal}:${offset}`
}

/**
 * The blocks that one read has waited for, as they came from the file. NOTE: the cache may be too small to keep one until the read has come to its end; so a
 * read that is taken up again finds here what it has waited for before, and each try gets further than the one before it.
 */
export class AwaitedBlocks {
  readonly #blocks = new Map<string, Uint8Array>()

  get count(): number {
    return this.#blocks.size
  }

  get(key: string): Uint8Array | undefined {
    return this.#blocks.get(key)
  }

  async add({ key, bytes }: BlockMissing): Promise<void> {
    this.#blocks.set(key, await bytes)
  }

  /** The read needs none of them again: it goes on from where it is. */
  clear(): void {
    if (this.#blocks.size > 0) this.#blocks.clear()
  }
}
