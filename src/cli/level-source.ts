import { readdir } from 'node:fs/promises'
import type { ClassicLevel, Iterator } from 'classic-level'
import type { ClassicLevelPackage } from './classic-level.ts'
import { corrupt, locked, notFound, unusable, usage, type CommandFailure } from './failure.ts'
import { droppedLogBytes } from './level-log.ts'

type RawLevel = ClassicLevel<Buffer, Buffer>

const BATCH_ENTRIES = 1000
const BATCH_BYTES = 1024 * 1024

/** A LevelDB database to read from beginning to end, byte for byte. */
export class LevelSource {
  readonly #directory: string
  readonly #level: RawLevel
  readonly #iterator: Iterator<RawLevel, Buffer, Buffer>
  /** Bytes of its log that LevelDB passed over on opening, because they are damaged. */
  readonly droppedBytes: number

  private constructor(directory: string, level: RawLevel, droppedBytes: number) {
    this.#directory = directory
    this.droppedBytes = droppedBytes
    this.#level = level
    this.#iterator = level.iterator({ highWaterMarkBytes: BATCH_BYTES })
  }

  /** Opens the database, which LevelDB locks. @throws CommandFailure */
  static async open({ ClassicLevel }: ClassicLevelPackage, directory: string): Promise<LevelSource> {
    await expectDatabase(directory)
    const level: RawLevel = new ClassicLevel(directory, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      createIfMissing: false,
    })
    try {
      await level.open()
    } catch (error) {
      throw failureOf(directory, error)
    }
    return new LevelSource(directory, level, await droppedLogBytes(directory))
  }

  /** The next entries in the order of their keys; none at the end. @throws CommandFailure */
  async next(): Promise<[key: Buffer, value: Buffer][]> {
    try {
      return await this.#iterator.nextv(BATCH_ENTRIES)
    } catch (error) {
      throw failureOf(this.#directory, error)
    }
  }

  async close(): Promise<void> {
    await this.#level.close()
  }
}

/** Looks before LevelDB does: that would make a directory of what is missing, and files in what is something else. */
async function expectDatabase(directory: string): Promise<void> {
  const names = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw notFound(`There is no directory ${directory}.`)
    if (cause.code === 'ENOTDIR') throw usage(`${directory} is a file; name the directory of a database.`)
    throw usage(`${directory} cannot be read: ${cause.message}`, cause)
  })
  if (names.includes('CURRENT')) return
  if (names.some((name) => name.startsWith('MANIFEST-'))) {
    throw corrupt(`${directory} is damaged: the file CURRENT is missing.`)
  }
  throw usage(`${directory} is not a LevelDB database: it has no file CURRENT.`)
}

/** What an error of classic-level means; those of opening lie in the cause of another. */
function failureOf(directory: string, error: unknown): CommandFailure {
  const { cause } = error as { cause?: unknown }
  const { code, message } = (cause ?? error) as { code?: string; message: string }
  switch (code) {
    case 'LEVEL_LOCKED':
      return locked(`${directory} is open in another process; close it there first.`, error)
    case 'LEVEL_CORRUPTION':
      return corrupt(`${directory} is damaged: ${message}`, error)
    case 'LEVEL_IO_ERROR':
      return unusable(`${directory} cannot be read: ${message}`, error)
    default:
      return usage(`${directory} cannot be read: ${message}`, error)
  }
}
