import type { Engine } from '../engine/engine.ts'
import { isNotFound, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'

/**
 * After every await: a closed database has given its memory back, and another one may use it already.
 * NOTE: unlike Engine.assertOpen it is no call of the user's, and ends no Slice.
 * @throws CLOSED
 */
export function assertStillOpen(engine: Engine): void {
  if (engine.closed) {
    throw new VarveError('CLOSED', 'The database was closed while it was verified; open it again to do so.')
  }
}

/** Opens a file of the directory for reading; undefined if there is none. @throws CLOSED, IO */
export async function openIfThere(engine: Engine, name: string): Promise<File | undefined> {
  const file = await engine.fileSystem.open(name, false).catch((error: unknown) => {
    if (isNotFound(error)) return undefined
    throw error
  })
  try {
    assertStillOpen(engine)
  } catch (error) {
    file?.close()
    throw error
  }
  return file
}
