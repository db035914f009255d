import { VarveError } from '../errors.ts'
import { parseFileName, provesDatabase } from '../fs/file-names.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'
import { decodeTarHeader, TAR_BLOCK_BYTES, type TarEntry } from './tar-header.ts'

/** Files that are kept until all others are there are small; what is larger is none. */
const SUPERBLOCK_MAX_BYTES = 1048576

/**
 * Makes a database of a tar file with its files, as `exportDatabase` or `tar` of a directory of Node.js makes it.
 *
 * CRASH: the superblocks come last, durably after all others; cut off before, there is no database, and what is there can be removed with `destroy`.
 * @throws EXISTS if there is a database; CORRUPT for what is no such file; DISK_FULL, IO: nothing is left of it then
 */
export async function importDatabase(
  fileSystem: FileSystem,
  stream: ReadableStream<Uint8Array>,
): Promise<void> {
  const reader = stream.getReader()
  try {
    await fileSystem.prepare(true)
    const lock = await fileSystem.lock()
    const created: string[] = []
    try {
      await refuseExisting(fileSystem)
      await unpack(fileSystem, new Source(reader), created)
    } catch (error) {
      for (const name of created) await fileSystem.remove(name).catch(() => undefined)
      throw error
    } finally {
      await lock.release()
    }
  } catch (error) {
    await reader.cancel(error).catch(() => undefined)
    throw error
  }
}

async function refuseExisting(fileSystem: FileSystem): Promise<void> {
  const isThere = (name: string): boolean => provesDatabase(name) && parseFileName(name)?.kind !== 'lock'
  if ((await fileSystem.list()).some(isThere))
    throw new VarveError('EXISTS', `There is a database in '${fileSystem.location}' already.`)
}

async function unpack(fileSystem: FileSystem, source: Source, created: string[]): Promise<void> {
  const superblocks = new Map<string, Uint8Array>()
  for (let entry = await source.next(); entry !== undefined; entry = await source.next()) {
    const { name, sizeBytes, isFile } = entry
    const kind = isFile ? parseFileName(name)?.kind : undefined
    if (kind === undefined || kind === 'lock' || kind === 'owner') {
      await source.content(sizeBytes, () => {})
    } else if (superblocks.has(name) || created.includes(name)) throw noExport(`it has ${name} twice`)
    else if (kind === 'superblock') superblocks.set(name, await source.whole(name, sizeBytes))
    else {
      await write(fileSystem, name, created, (file) => {
        let at = 0
        return source.content(sizeBytes, (piece) => {
          file.write(piece, 0, piece.byteLength, at)
          at += piece.byteLength
        })
      })
    }
  }
  if (superblocks.size === 0) throw noExport('it has no superblock')
  // ORDER: a superblock makes a database of what is there.
  await fileSystem.syncDirectory()
  for (const [name, bytes] of superblocks) {
    await write(fileSystem, name, created, async (file) => file.write(bytes, 0, bytes.byteLength, 0))
  }
  await fileSystem.syncDirectory()
}

async function write(
  fileSystem: FileSystem,
  name: string,
  created: string[],
  fill: (file: File) => Promise<void>,
): Promise<void> {
  const file = await fileSystem.create(name)
  created.push(name)
  try {
    await fill(file)
    file.sync()
  } finally {
    file.close()
  }
}

/** The entries of a tar file that comes piece by piece. */
class Source {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #piece: Uint8Array = new Uint8Array(0)

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader
  }

  /** The next entry, whose content must be taken then; undefined at the end. @throws CORRUPT */
  async next(): Promise<TarEntry | undefined> {
    const header = new Uint8Array(TAR_BLOCK_BYTES)
    let filled = 0
    await this.#take(TAR_BLOCK_BYTES, (piece) => {
      header.set(piece, filled)
      filled += piece.byteLength
    })
    try {
      const entry = decodeTarHeader(header)
      if (entry === undefined) await this.#drain()
      return entry
    } catch (error) {
      if (error instanceof RangeError) throw noExport(error.message)
      throw error
    }
  }

  /** Hands out the content of an entry, piece by piece. */
  async content(sizeBytes: number, use: (piece: Uint8Array) => void): Promise<void> {
    await this.#take(sizeBytes, use)
    const padding = (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES
    await this.#take(padding, () => {})
  }

  async whole(name: string, sizeBytes: number): Promise<Uint8Array> {
    if (sizeBytes > SUPERBLOCK_MAX_BYTES) throw noExport(`${name} has ${sizeBytes} bytes`)
    const bytes = new Uint8Array(sizeBytes)
    let at = 0
    await this.content(sizeBytes, (piece) => {
      bytes.set(piece, at)
      at += piece.byteLength
    })
    return bytes
  }

  async #take(length: number, use: (piece: Uint8Array) => void): Promise<void> {
    let left = length
    while (left > 0) {
      if (this.#piece.byteLength === 0 && !(await this.#more())) throw noExport('it was cut off')
      const piece = this.#piece.subarray(0, left)
      this.#piece = this.#piece.subarray(piece.byteLength)
      left -= piece.byteLength
      use(piece)
    }
  }

  /** NOTE: who sends it may wait until all of it is taken. */
  async #drain(): Promise<void> {
    while (await this.#more());
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read()
    if (done) return false
    if (!(value instanceof Uint8Array)) throw new TypeError('the stream to import must be one of Uint8Arrays')
    this.#piece = value
    return true
  }
}

function noExport(why: string): VarveError {
  return new VarveError('CORRUPT', `This is no export of a database: ${why}. Nothing was imported.`)
}
