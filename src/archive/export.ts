import { VarveError } from '../errors.ts'
import { parseFileName } from '../fs/file-names.ts'
import type { File, FileSystem, OwnerLock } from '../fs/filesystem.ts'
import { encodeTarHeader, TAR_BLOCK_BYTES } from './tar-header.ts'

const PIECE_BYTES = 262144

/**
 * The files of a database that is closed, as a tar file: byte for byte what Node.js has in the directory, the lock's own file left out. The database is locked until the stream ends or is cancelled.
 * `ended`: called when it is free again.
 * @throws NOT_FOUND if there is none, LOCKED, IO
 */
export async function exportDatabase(
  fileSystem: FileSystem,
  ended: () => void = () => {},
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  await fileSystem.prepare(false)
  const lock = await fileSystem.lock()
  try {
    const names = (await fileSystem.list()).filter(isContent).sort()
    if (!names.some((name) => parseFileName(name)?.kind === 'superblock'))
      throw new VarveError('NOT_FOUND', `There is no database in '${fileSystem.location}'.`)
    const pieces = piecesOf(fileSystem, names)
    const end = async (): Promise<void> => {
      await lock.release().finally(ended)
    }
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        async pull(controller) {
          try {
            const { done, value } = await pieces.next()
            if (done !== true) return controller.enqueue(value)
            await end()
            controller.close()
          } catch (error) {
            await end()
            throw error
          }
        },
        async cancel() {
          await pieces.return(undefined)
          await end()
        },
      },
      { highWaterMark: 0 },
    )
  } catch (error) {
    await released(lock)
    throw error
  }
}

/** Whether it belongs to the database itself, and not to who has it open. */
function isContent(name: string): boolean {
  const kind = parseFileName(name)?.kind
  return kind !== undefined && kind !== 'lock' && kind !== 'owner'
}

async function* piecesOf(
  fileSystem: FileSystem,
  names: readonly string[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
  for (const name of names) {
    const file = await fileSystem.open(name, false)
    try {
      yield* contentOf(file)
    } finally {
      file.close()
    }
  }
  yield new Uint8Array(2 * TAR_BLOCK_BYTES)
  return undefined
}

function* contentOf(file: File): Generator<Uint8Array<ArrayBuffer>> {
  const sizeBytes = file.size()
  yield encodeTarHeader(file.name, sizeBytes)
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, sizeBytes - at)
    const padded = Math.ceil(length / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES
    const piece = new Uint8Array(at + length === sizeBytes ? padded : length)
    if (file.read(piece.subarray(0, length), at) !== length)
      throw new VarveError('IO', `${file.name} became shorter while it was exported.`, { file: file.name })
    yield piece
  }
}

async function released(lock: OwnerLock): Promise<void> {
  await lock.release().catch(() => undefined)
}
