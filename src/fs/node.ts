/** Files of a Node host: one directory, plain descriptors, errors translated to a code and a sentence. */
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  read,
  readSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { VarveError } from '../errors.ts'
import { readBootId } from './boot-id.ts'
import type { File, FileSystem, OwnerLock } from './filesystem.ts'
import { hostErrorCode, hostFailure, refusedByRuntime } from './host-error.ts'
import { checkFileName, fileClosed } from './memory.ts'
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

/** Translates a host error. Argument errors of Node are bugs of ours and pass unchanged. */
function translate(error: unknown, action: string, name: string, location: string): unknown {
  const details = { file: name, cause: error }
  const refusal = refusedByRuntime(error, `${action} ${name} in ${location}`, details)
  if (refusal !== undefined) return refusal
  const code = hostErrorCode(error)
  if (error instanceof VarveError || code.startsWith('ERR_')) return error
  switch (code) {
    case 'ENOENT':
      return new VarveError('NOT_FOUND', `Cannot ${action} ${name}: it is missing in ${location}.`, details)
    case 'EEXIST':
      return new VarveError('EXISTS', `Cannot ${action} ${name}: it exists already in ${location}.`, details)
    default:
      return hostFailure(error, action, `${name} in ${location}`, details)
  }
}

function notRegularFile(name: string, location: string, cause?: unknown): VarveError {
  const message = `${name} in ${location} is not a regular file; move it away and restore the file from a backup.`
  return new VarveError('CORRUPT', message, { file: name, cause })
}

class NodeFile implements File {
  readonly name: string
  readonly #location: string
  /** -1 once close() was called. */
  #descriptor: number
  /** Asynchronous reads and flushes that the host has not finished. */
  #inFlight = 0
  /** Those that close() left to the last of them. */
  #descriptorsToClose: readonly number[] = []
  readonly syncDescriptor: number

  constructor(name: string, location: string, descriptor: number, syncDescriptor = -1) {
    this.name = name
    this.#location = location
    this.#descriptor = descriptor
    this.syncDescriptor = syncDescriptor
  }

  get descriptor(): number {
    return this.#descriptor
  }

  size(): number {
    this.#requireOpen()
    try {
      return fstatSync(this.#descriptor).size
    } catch (error) {
      throw this.#failure(error, 'examine')
    }
  }

  read(target: Uint8Array, position: number): number {
    this.#requireOpen()
    const length = target.byteLength
    let done = 0
    while (done < length) {
      try {
        const count = readSync(this.#descriptor, target, done, length - done, position + done)
        if (count === 0) break
        done += count
      } catch (error) {
        if (hostErrorCode(error) !== 'EINTR') throw this.#failure(error, 'read')
      }
    }
    return done
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    this.#requireOpen()
    const descriptor = this.#descriptor
    return this.#holdingOpen(async () => {
      const length = target.byteLength
      let done = 0
      while (done < length) {
        const count = await this.#readOnce(descriptor, target, done, position + done)
        if (count === 0) break
        done += count
      }
      return done
    })
  }

  /** @returns the number of bytes the host gave, from `start` of `target` on; 0 at the end of the file */
  #readOnce(descriptor: number, target: Uint8Array, start: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const tryAgain = (): void => {
        read(descriptor, target, start, target.byteLength - start, position, (error, count) => {
          if (error === null) resolve(count)
          else if (hostErrorCode(error) === 'EINTR') tryAgain()
          else reject(this.#failure(error, 'read'))
        })
      }
      tryAgain()
    })
  }

  // NOTE: called for every put: nothing is allocated here unless something goes wrong.
  write(source: Uint8Array, start: number, length: number, position: number): void {
    this.#requireOpen()
    let done = 0
    let shortWrites = 0
    while (done < length) {
      try {
        done += writeSync(this.#descriptor, source, start + done, length - done, position + done)
      } catch (error) {
        if (hostErrorCode(error) !== 'EINTR') throw this.#failure(error, 'write')
        continue
      }
      // One more try lets the host say why it stopped (ENOSPC, EFBIG); if it does not, there is no room.
      if (done < length && ++shortWrites === 2) throw this.#shortWrite(done, length)
    }
  }

  truncate(size: number): void {
    this.#requireOpen()
    try {
      ftruncateSync(this.#descriptor, size)
    } catch (error) {
      throw this.#failure(error, 'truncate')
    }
  }

  sync(): void {
    this.#requireOpen()
    try {
      fdatasyncSync(this.#descriptor)
    } catch (error) {
      throw this.#failure(error, 'flush')
    }
  }

  async syncAsync(): Promise<void> {
    this.#requireOpen()
    await this.#holdingOpen(
      () =>
        new Promise<void>((resolve, reject) => {
          fdatasync(this.syncDescriptor === -1 ? this.#descriptor : this.syncDescriptor, (error) => {
            if (error === null) resolve()
            else reject(this.#failure(error, 'flush'))
          })
        }),
    )
  }

  /** Takes an asynchronous step during which the descriptor stays this file's. */
  async #holdingOpen<T>(step: () => Promise<T>): Promise<T> {
    this.#inFlight++
    try {
      return await step()
    } finally {
      this.#inFlight--
      if (this.#inFlight === 0) {
        for (const descriptor of this.#descriptorsToClose) closeQuietly(descriptor)
        this.#descriptorsToClose = []
      }
    }
  }

  close(): void {
    if (this.#descriptor === -1) return
    // INVARIANT: a number is given back to the host only when no thread of its pool uses it, else a read or a flush
    // could hit whichever file got the number next.
    const descriptors = [this.#descriptor, this.syncDescriptor].filter((each) => each !== -1)
    if (this.#inFlight > 0) this.#descriptorsToClose = descriptors
    else for (const descriptor of descriptors) closeQuietly(descriptor)
    this.#descriptor = -1
  }

  #requireOpen(): void {
    if (this.#descriptor === -1) throw fileClosed(this.name, this.#location)
  }

  #failure(error: unknown, action: string): unknown {
    return translate(error, action, this.name, this.#location)
  }

  #shortWrite(done: number, length: number): VarveError {
    const message = `Only ${done} of ${length} bytes could be written to ${this.name} in ${this.#location}: free some space and try again.`
    return new VarveError('DISK_FULL', message, { file: this.name })
  }
}

// NOTE: whatever the host still has to say here concerns data that no sync() vouched for, and the number is free
// after an error too.
function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // see above
  }
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
      return await readdir(this.#root)
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

  share(): string {
    return this.#root
  }

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
