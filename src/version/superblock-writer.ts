/** Writing the superblock: both copies in place, one after the other, each durable before the next is touched. */
import { VarveError } from '../errors.ts'
import { superblockFileName, type SuperblockCopy } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import type { Hasher } from './binary.ts'
import {
  encodeSuperblock,
  SUPERBLOCK_BYTES,
  type Superblock,
  type SuperblockContent,
  type SuperblockFound,
} from './superblock.ts'

/** An open superblock, as a value that can be sent to another thread. */
export interface SuperblockPosition {
  readonly descriptors: Readonly<Record<SuperblockCopy, number>>
  readonly generation: number
  readonly next: SuperblockCopy
  readonly isCopyDurable: boolean
}

/**
 * INVARIANT: one copy is always whole, durable and the newest of all durable ones: only the other may be in the
 * middle of a write. A write therefore begins with the copy that is damaged or older.
 */
export class SuperblockWriter {
  readonly #hasher: Hasher
  readonly #files: Readonly<Record<SuperblockCopy, File>>
  /** Generation of the copy that is whole, durable and newest. */
  #generation: number
  /** The copy that was read may be in the system's cache only, if a process was killed before its sync. */
  #isCopyDurable: boolean
  /** The other copy: the one to write next. */
  #next: SuperblockCopy
  /** Writes are numbered as they are asked for; `#finished` is the last one that made both copies durable. */
  #asked = 0
  #finished = 0
  #poison: VarveError | undefined
  /** Ends when every writeAsync called so far did. */
  #queue: Promise<void> = Promise.resolve()

  private constructor(
    hasher: Hasher,
    files: Readonly<Record<SuperblockCopy, File>>,
    generation: number,
    next: SuperblockCopy,
    isCopyDurable: boolean,
  ) {
    this.#hasher = hasher
    this.#files = files
    this.#generation = generation
    this.#next = next
    this.#isCopyDurable = isCopyDurable
  }

  /**
   * Writes the first superblock of a database whose manifest and journal are durable.
   * @throws EXISTS when there is a superblock, DISK_FULL, IO
   */
  static create(fs: FileSystem, hasher: Hasher, content: SuperblockContent): Promise<SuperblockWriter> {
    return SuperblockWriter.#begin(fs, hasher, undefined, content, (name) => fs.create(name))
  }

  /**
   * Puts a database in the place of another one, or of what is left of it: from the first whole copy on there is the new one. Everything that it names must be durable.
   * @param found what is read there now, if anything can be
   * CRASH: until a copy is whole, what was read there before is read; where that was nothing, there is nothing.
   * @throws DISK_FULL, IO
   */
  static async replace(
    fs: FileSystem,
    hasher: Hasher,
    found: SuperblockFound | undefined,
    content: SuperblockContent,
  ): Promise<SuperblockWriter> {
    const names = await fs.list()
    return SuperblockWriter.#begin(fs, hasher, found, content, (name) =>
      names.includes(name) ? fs.open(name, true) : fs.create(name),
    )
  }

  /** The first write to both copies, which `open` makes or finds. */
  static async #begin(
    fs: FileSystem,
    hasher: Hasher,
    found: SuperblockFound | undefined,
    content: SuperblockContent,
    open: (name: string) => Promise<File>,
  ): Promise<SuperblockWriter> {
    const a = await open(superblockFileName('a'))
    let b: File | undefined
    try {
      b = await open(superblockFileName('b'))
      // CRASH: both names are durable before a byte is in either, so that a missing copy is a loss, never a beginning.
      await fs.syncDirectory()
      const generation = found?.superblock.generation ?? 0
      const next = found === undefined ? 'a' : otherCopy(found.copy)
      const writer = new SuperblockWriter(hasher, { a, b }, generation, next, found === undefined)
      await writer.writeAsync(content)
      return writer
    } catch (error) {
      a.close()
      b?.close()
      // There is no database yet that could be poisoned.
      throw error instanceof VarveError && error.code === 'POISONED' ? error.cause : error
    }
  }

  /** Opens both copies for rewriting; writes nothing yet. */
  static async open(fs: FileSystem, hasher: Hasher, found: SuperblockFound): Promise<SuperblockWriter> {
    const a = await fs.open(superblockFileName('a'), true)
    try {
      const b = await fs.open(superblockFileName('b'), true)
      return new SuperblockWriter(hasher, { a, b }, found.superblock.generation, otherCopy(found.copy), false)
    } catch (error) {
      a.close()
      throw error
    }
  }

  /** Goes on, on another thread, where `handOver` left off. */
  static takeOver(
    hasher: Hasher,
    adopt: (name: string, descriptor: number) => File,
    { descriptors, generation, next, isCopyDurable }: SuperblockPosition,
  ): SuperblockWriter {
    const files = {
      a: adopt(superblockFileName('a'), descriptors.a),
      b: adopt(superblockFileName('b'), descriptors.b),
    }
    return new SuperblockWriter(hasher, files, generation, next, isCopyDurable)
  }

  /** Where another thread goes on. INVARIANT: this one writes no more. @throws POISONED */
  handOver(): SuperblockPosition {
    this.#requireSound()
    const { a, b } = this.#files
    return {
      descriptors: { a: a.descriptor, b: b.descriptor },
      generation: this.#generation,
      next: this.#next,
      isCopyDurable: this.#isCopyDurable,
    }
  }

  /**
   * Makes the content durable in both copies. May come while a writeAsync is waiting; that one is then settled too.
   * @throws POISONED
   */
  write(content: SuperblockContent): void {
    this.#requireSound()
    const number = ++this.#asked
    try {
      this.#secureCopy()
      const superblock = this.#superblock(content)
      for (let count = 0; count < 2; count++) {
        this.#put(superblock).sync()
        this.#settle(superblock)
      }
      this.#finished = number
    } catch (cause) {
      throw this.#fail(cause)
    }
  }

  /** The same without blocking this thread. Calls wait for each other. */
  async writeAsync(content: SuperblockContent): Promise<void> {
    const number = ++this.#asked
    const written = this.#queue.then(() => this.#writeQueued(content, number))
    // NOTE: the next call finds out about a failure by itself.
    this.#queue = written.catch(() => undefined)
    await written
  }

  close(): void {
    this.#files.a.close()
    this.#files.b.close()
  }

  async #writeQueued(content: SuperblockContent, number: number): Promise<void> {
    this.#requireSound()
    if (this.#finished > number) return
    try {
      this.#secureCopy()
      const superblock = this.#superblock(content)
      for (let count = 0; count < 2; count++) {
        await this.#put(superblock).syncAsync()
        // A write() overtook this one: it has made newer content durable in both copies. So above.
        if (this.#finished > number) return
        this.#requireSound()
        this.#settle(superblock)
      }
      this.#finished = number
    } catch (cause) {
      throw this.#fail(cause)
    }
  }

  #requireSound(): void {
    if (this.#poison !== undefined) throw this.#poison
  }

  #superblock(content: SuperblockContent): Superblock {
    return { ...content, generation: this.#generation + 1 }
  }

  /** CRASH: makes the copy that was read durable before the other is touched; else a power loss could take both. */
  #secureCopy(): void {
    if (this.#isCopyDurable) return
    this.#files[otherCopy(this.#next)].sync()
    this.#isCopyDurable = true
  }

  /** Writes the copy whose turn it is. */
  #put(superblock: Superblock): File {
    const file = this.#files[this.#next]
    file.write(encodeSuperblock(this.#hasher, superblock, this.#next), 0, SUPERBLOCK_BYTES, 0)
    // Somebody else made it longer.
    if (file.size() !== SUPERBLOCK_BYTES) file.truncate(SUPERBLOCK_BYTES)
    return file
  }

  /** The copy whose turn it was is durable. */
  #settle(superblock: Superblock): void {
    this.#generation = superblock.generation
    this.#next = otherCopy(this.#next)
  }

  #fail(cause: unknown): VarveError {
    this.#poison ??= new VarveError(
      'POISONED',
      'The superblock could not be written, so nothing more is; close the database and open it again.',
      { cause },
    )
    return this.#poison
  }
}

function otherCopy(copy: SuperblockCopy): SuperblockCopy {
  return copy === 'a' ? 'b' : 'a'
}

/**
 * Removes what a creation that was cut off left of the superblock (`unfinished`).
 * CRASH: a is emptied durably before a name goes, so that this never looks like a superblock that lost a copy.
 */
export async function discardUnfinishedSuperblock(fs: FileSystem): Promise<void> {
  const names = await fs.list()
  const present = (['a', 'b'] as const).map(superblockFileName).filter((name) => names.includes(name))
  const [first] = present
  if (first === superblockFileName('a')) {
    const file = await fs.open(first, true)
    try {
      file.truncate(0)
      file.sync()
    } finally {
      file.close()
    }
  }
  for (const name of present) await fs.remove(name)
}
