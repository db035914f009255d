import type { Keeper } from '../engine/keeper.ts'
import { isNotFound, VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'

/**
 * After every await: a closed database has given its memory back, and another one may use it already.
 * NOTE: unlike Engine.assertOpen it is no call of the user's, and ends no Slice.
 * @throws CLOSED
 */
export function assertStillOpen(keeper: Keeper): void {
  if (keeper.closed) {
    throw new VarveError('CLOSED', 'The database was closed while it was verified; open it again to do so.')
  }
}

/** Opens a file of the directory for reading; undefined if there is none. @throws CLOSED, IO */
export async function openIfThere(keeper: Keeper, name: string): Promise<File | undefined> {
  const file = await keeper.fileSystem.open(name, false).catch((error: unknown) => {
    if (isNotFound(error)) return undefined
    throw error
  })
  try {
    assertStillOpen(keeper)
  } catch (error) {
    file?.close()
    throw error
  }
  return file
}
