import { openOn } from '../api/open.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { memoryFileSystem } from '../fs/memory.ts'
import { nextTurn } from '../next-turn.ts'

const WARMING_ROUNDS = 3
/** Writes of a round, and how many of them are made in one turn. */
const WARMING_ENTRIES = 2000
const ENTRIES_PER_TURN = 100

/**
 * Does what a takeover takes ahead: a worker that waits for the database has the time now, and not when it is to take over.
 * Functions are compiled when they are called first, which is a third of the time that an open takes, so databases are opened that are nowhere, as one leaves them that was killed; their
 * memory, of the size that will be needed, is used again. The site's storage answers sooner once it has been asked. Ends when `signal` says so.
 */
export async function warm(
  storage: FileSystem,
  memoryLimit: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  await storage.prepare(false)
  const options = memoryLimit === undefined ? {} : { memoryLimit }
  for (let round = 0; round < WARMING_ROUNDS && !signal.aborted; round++) {
    const files = memoryFileSystem()
    const left = await openOn(files, options)
    for (let i = 0; i < WARMING_ENTRIES && !signal.aborted; i++) {
      left.putSync(`${i}`, 'a value')
      if (i % ENTRIES_PER_TURN === 0) await nextTurn()
    }
    if (!signal.aborted) {
      const taken = await openOn(await copyOf(files), options)
      taken.getSync('1')
      await taken.close()
    }
    await left.close()
  }
}

/** The files as they are now. */
async function copyOf(files: FileSystem): Promise<FileSystem> {
  const copy = memoryFileSystem()
  await copy.prepare(true)
  for (const name of await files.list()) {
    const from = await files.open(name, false)
    const to = await copy.create(name)
    const bytes = new Uint8Array(from.size())
    from.read(bytes, 0)
    to.write(bytes, 0, bytes.byteLength, 0)
    from.close()
    to.close()
  }
  return copy
}
