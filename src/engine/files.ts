import { VarveError } from '../errors.ts'
import type { File, FileSystem } from '../fs/filesystem.ts'

type WritableFileSystem = FileSystem &
  Required<Pick<FileSystem, 'createSync' | 'removeSync' | 'syncDirectorySync'>>

/** The structural file operations of a writing engine, all synchronous: they happen inside a write as well as between turns. */
export class Files {
  readonly #fileSystem: WritableFileSystem

  /** @throws NOT_SUPPORTED where files cannot be created synchronously */
  constructor(fileSystem: FileSystem) {
    if (!canWriteSync(fileSystem)) {
      throw new VarveError(
        'NOT_SUPPORTED',
        `${fileSystem.location} cannot create files synchronously; it cannot hold a database.`,
      )
    }
    this.#fileSystem = fileSystem
  }

  /** See FileSystem.createSync. */
  create(name: string, syncsApart = false): File {
    return this.#fileSystem.createSync(name, syncsApart)
  }

  remove(name: string): void {
    this.#fileSystem.removeSync(name)
  }

  /** Deletes what nothing names. NOTE: if that fails the next open deletes it, so a failure is no news. */
  removeOrphan(name: string): void {
    try {
      this.#fileSystem.removeSync(name)
    } catch {
      // See above.
    }
  }

  /** Makes created and deleted names durable. */
  syncDirectory(): void {
    this.#fileSystem.syncDirectorySync()
  }
}

function canWriteSync(fileSystem: FileSystem): fileSystem is WritableFileSystem {
  return (
    fileSystem.createSync !== undefined &&
    fileSystem.removeSync !== undefined &&
    fileSystem.syncDirectorySync !== undefined
  )
}
