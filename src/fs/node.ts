/** Files of a Node host: one directory, plain descriptors, errors translated to a code and a sentence. */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { VarveError } from '../errors.ts'
import { readBootId } from './boot-id.ts'
import type { File, FileSystem, OwnerLock } from './filesystem.ts'
import { hostErrorCode, hostFailure, refusedByRuntime } from './host-error.ts'
import { checkFileName } from './memory.ts'
import { keepAside } from './node-aside.ts'
import { closeQuietly, NodeFile, translate } from './node-file.ts'
import { takeOwnerLock } from './owner-lock.ts'

const fsyncAsync = promisify(fsync)

const isWindows = process.platform === 'win32'
const directoryMode = 0o700
const fileMode = 0o600

// NOTE: Windows has neither of these two flags; there they are undefined, whatever the types say.
const noFollow = (constants.O_NOFOLLOW as number | undefined) ?? 0
// Without it, opening a FIFO somebody put in the place of a file would wait for a writer for ever.
const nonBlocking = (constants.O_NONBLOCK as number | undefined) ?? 0
const createFlags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | noFollow
const openFlags = noFollow | nonBlocking

function notRegularFile(name: string, location: string, cause?: unknown): VarveError {
  const message = `${name} in ${location} is not a regular file; move it away and restore the file from a backup.`
  return new VarveError('CORRUPT', message, { file: name, cause })
}

/** NOTE: where it fails, an empty file that nothing names is left: an orphan. */
function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // See above.
  }
}

class NodeFileSystem implements FileSystem {
  readonly location: string
  readonly bootId: Uint8Array
  /** Where the files are: absolute, and without symbolic links from prepare() on. */
  #root: string

  constructor(directory: string) {
    this.location = resolve(directory)
    this.bootId = readBootId()
    this.#root = this.location
  }

  async prepare(create: boolean): Promise<boolean> {
    const created = create && this.#createDirectory()
    try {
      this.#root = realpathSync(this.location)
      if (statSync(this.#root).isDirectory()) {
        // Node.js with --permission refuses every flush: said here, before anything is written.
        if (isWithPermissions()) this.syncDirectorySync()
        return created
      }
    } catch (error) {
      throw this.#directoryFailure(error, 'open')
    }
    throw new VarveError('IO', `${this.location} is not a directory; name a directory for the database.`)
  }

  async lock(): Promise<OwnerLock> {
    return await takeOwnerLock(this.#root, this.bootId)
  }

  async list(): Promise<string[]> {
    try {
      // NOTE: opening waits for it; a directory of a database is short, and its listing sooner made than handed to another thread.
      return readdirSync(this.#root)
    } catch (error) {
      throw this.#directoryFailure(error, 'list')
    }
  }

  async create(name: string): Promise<File> {
    return this.createSync(name)
  }

  createSync(name: string, syncsApart = false): File {
    const path = this.#path(name)
    let descriptor: number | undefined
    try {
      descriptor = openSync(path, createFlags, fileMode)
      const apart = syncsApart ? openSync(path, openFlags | constants.O_RDWR) : -1
      return new NodeFile(name, this.location, descriptor, apart)
    } catch (error) {
      if (descriptor !== undefined) {
        closeQuietly(descriptor)
        unlinkQuietly(path)
      }
      throw translate(error, 'create', name, this.location)
    }
  }

  async open(name: string, writable: boolean): Promise<File> {
    const path = this.#path(name)
    let descriptor: number
    try {
      descriptor = openSync(path, openFlags | (writable ? constants.O_RDWR : constants.O_RDONLY))
    } catch (error) {
      // ELOOP (EMLINK on BSD): a symbolic link; EISDIR: a directory; ENXIO, EOPNOTSUPP: a socket or a device.
      const strange = ['ELOOP', 'EMLINK', 'EISDIR', 'ENXIO', 'EOPNOTSUPP'].includes(hostErrorCode(error))
      throw strange
        ? notRegularFile(name, this.location, error)
        : translate(error, 'open', name, this.location)
    }
    try {
      if (fstatSync(descriptor).isFile()) return new NodeFile(name, this.location, descriptor)
    } catch (error) {
      closeQuietly(descriptor)
      throw translate(error, 'examine', name, this.location)
    }
    closeQuietly(descriptor)
    throw notRegularFile(name, this.location)
  }

  async keepAside(names: readonly string[], rewritten: ReadonlySet<string>): Promise<string> {
    for (const name of names) checkFileName(name)
    try {
      return keepAside(this.#root, names, rewritten)
    } catch (error) {
      throw this.#directoryFailure(error, 'keep the files of')
    }
  }

  /** NOTE: in Deno a descriptor is good on the thread that opened the file, and names something else on others. */
  readonly share: (() => string) | undefined = 'Deno' in globalThis ? undefined : () => this.#root

  adopt(name: string, descriptor: number, syncDescriptor?: number): File {
    return new NodeFile(name, this.location, descriptor, syncDescriptor)
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name)
    try {
      await unlink(path)
    } catch (error) {
      throw translate(error, 'remove', name, this.location)
    }
  }

  removeSync(name: string): void {
    const path = this.#path(name)
    try {
      unlinkSync(path)
    } catch (error) {
      throw translate(error, 'remove', name, this.location)
    }
  }

  // NOTE: Windows cannot flush a directory; NTFS keeps names in its own journal.
  async syncDirectory(): Promise<void> {
    if (isWindows) return
    try {
      const descriptor = openSync(this.#root, constants.O_RDONLY | constants.O_DIRECTORY)
      try {
        await fsyncAsync(descriptor)
      } finally {
        closeSync(descriptor)
      }
    } catch (error) {
      throw this.#directoryFailure(error, 'flush')
    }
  }

  syncDirectorySync(): void {
    if (isWindows) return
    try {
      flushDirectory(this.#root)
    } catch (error) {
      throw this.#directoryFailure(error, 'flush')
    }
  }

  // NOTE: not made durable: an empty directory that a power cut brings back does no harm.
  async removeDirectory(): Promise<boolean> {
    try {
      // A symbolic link would be left pointing nowhere, and in its place no directory can be created.
      if (lstatSync(this.location).isSymbolicLink()) return false
    } catch (error) {
      return hostErrorCode(error) === 'ENOENT'
    }
    removeDirectoryQuietly(this.#root)
    return !existsSync(this.#root)
  }

  #createDirectory(): boolean {
    try {
      mkdirSync(this.location, directoryMode)
    } catch (error) {
      // NOTE: such a runtime may refuse existsSync(), too, which throws nothing else.
      const refusal = refusedByRuntime(error, `create the directory ${this.location}`)
      if (refusal !== undefined) throw refusal
      const code = hostErrorCode(error)
      // NOTE: for a mount point or "/", hosts report EISDIR, EROFS or EACCES before EEXIST: the caller looks itself.
      if (code === 'EEXIST' || existsSync(this.location)) return false
      if (code !== 'ENOENT') throw this.#directoryFailure(error, 'create')
      const message = `Cannot create the directory ${this.location}: the directory above it is missing; create it first.`
      throw new VarveError('NOT_FOUND', message, { cause: error })
    }
    // CRASH: else a power cut could take the whole directory away with everything flushed in it.
    if (isWindows) return true
    try {
      flushDirectory(dirname(this.location))
      return true
    } catch (error) {
      // So that the next attempt creates, and flushes, again.
      removeDirectoryQuietly(this.location)
      throw this.#directoryFailure(error, 'create')
    }
  }

  #path(name: string): string {
    checkFileName(name)
    return join(this.#root, name)
  }

  #directoryFailure(error: unknown, action: string): unknown {
    if (error instanceof VarveError) return error
    const code = hostErrorCode(error)
    if (code === 'ENOENT') {
      return new VarveError('NOT_FOUND', `The directory ${this.location} does not exist.`, { cause: error })
    }
    return hostFailure(error, action, `the directory ${this.location}`, { cause: error })
  }
}

// NOTE: only if it is empty. Whatever the host has to say (not empty, in use, no permission), an empty directory is all that can stay.
function removeDirectoryQuietly(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // see above
  }
}

function isWithPermissions(): boolean {
  // NOTE: it is there in this mode only, whatever the types say.
  return (process.permission as NodeJS.ProcessPermission | undefined) !== undefined
}

function flushDirectory(path: string): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * The directory `directory` of this host. Its path is resolved now: a later chdir changes nothing.
 */
export function nodeFileSystem(directory: string): FileSystem {
  return new NodeFileSystem(directory)
}
