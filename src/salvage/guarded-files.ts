import { VarveError } from '../errors.ts'
import type { File, FileSystem, OwnerLock } from '../fs/filesystem.ts'

/** A directory in which files that were there before are not removed, whoever says so. */
export class GuardedFiles implements FileSystem {
  readonly location: string
  readonly bootId: Uint8Array
  readonly #files: FileSystem
  readonly #kept: ReadonlySet<string>

  /** `kept`: names of those files. */
  constructor(files: FileSystem, kept: readonly string[]) {
    this.location = files.location
    this.bootId = files.bootId
    this.#files = files
    this.#kept = new Set(kept)
  }

  prepare(create: boolean): Promise<boolean> {
    return this.#files.prepare(create)
  }

  lock(): Promise<OwnerLock> {
    return this.#files.lock()
  }

  list(): Promise<string[]> {
    return this.#files.list()
  }

  create(name: string): Promise<File> {
    return this.#files.create(name)
  }

  createSync(name: string): File {
    if (this.#files.createSync === undefined) throw notSynchronous(this.location)
    return this.#files.createSync(name)
  }

  open(name: string, writable: boolean): Promise<File> {
    return this.#files.open(name, writable)
  }

  async remove(name: string): Promise<void> {
    if (!this.#kept.has(name)) await this.#files.remove(name)
  }

  removeSync(name: string): void {
    if (!this.#kept.has(name)) this.#files.removeSync?.(name)
  }

  syncDirectory(): Promise<void> {
    return this.#files.syncDirectory()
  }

  syncDirectorySync(): void {
    if (this.#files.syncDirectorySync === undefined) throw notSynchronous(this.location)
    this.#files.syncDirectorySync()
  }

  async removeDirectory(): Promise<boolean> {
    return false
  }
}

function notSynchronous(location: string): VarveError {
  return new VarveError(
    'NOT_SUPPORTED',
    `${location} cannot create files synchronously; it cannot hold a database.`,
  )
}
