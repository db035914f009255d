import { openOn } from '../api/open.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { memoryFileSystem } from '../fs/memory.ts'

const WARMING_BYTES = 16 << 20
const WARMING_ENTRIES = 2000
const WARMING_ROUNDS = 3

/**
 * Has the host compile what a takeover takes, by opening databases that are nowhere, as one leaves them that was killed: a worker that waits for the database has the time now, and not
 * when it is to take over. NOTE: functions are compiled when they are called first, which is a third of the time that an open takes.
 */
export async function warm(): Promise<void> {
  const options = { memoryLimit: WARMING_BYTES }
  for (let round = 0; round < WARMING_ROUNDS; round++) {
    const files = memoryFileSystem()
    const left = await openOn(files, options)
    for (let i = 0; i < WARMING_ENTRIES; i++) left.putSync(`${i}`, 'a value')
    const copy = await copyOf(files)
    const taken = await openOn(copy, options)
    taken.getSync('1')
    await Promise.all([left.close(), taken.close()])
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
