/**
 * Files in memory: for tests, and for browsers without storage. Nothing survives the instance, so flushing has
 * nothing to do. Runs everywhere: no host module is imported.
 */
import { VarveError } from '../errors.ts'
import type { File, FileSystem, OwnerLock } from './filesystem.ts'

const bootIdBytes = 16
const fileNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Refuses a name no implementation may be asked for: names never contain user data, so this is a bug of ours. */
export function checkFileName(name: string): void {
  if (!fileNamePattern.test(name)) {
    throw new RangeError(`file name ${JSON.stringify(name)} must match ${fileNamePattern.source}`)
  }
}

/** A wrong range is a bug of ours too; `subarray` alone would quietly write less. */
export function checkSourceRange(source: Uint8Array, start: number, length: number): void {
  if (!(start >= 0 && start <= source.byteLength && length >= 0 && length <= source.byteLength - start)) {
    throw new RangeError(`start ${start} and length ${length} lie outside of ${source.byteLength} bytes`)
  }
}

/** The same four sentences for every implementation that has no host error to report. */
export function fileNotFound(name: string, location: string): VarveError {
  return new VarveError('NOT_FOUND', `There is no file ${name} in ${location}.`, { file: name })
}

export function fileExists(name: string, location: string): VarveError {
  return new VarveError('EXISTS', `The file ${name} exists already in ${location}.`, { file: name })
}

export function fileClosed(name: string, location: string): VarveError {
  return new VarveError('CLOSED', `The file ${name} in ${location} was closed and can no longer be used.`, {
    file: name,
  })
}

export function fileReadOnly(name: string, location: string): VarveError {
  return new VarveError('IO', `The file ${name} in ${location} was opened for reading only.`, { file: name })
}

/** The content of one file. INVARIANT: bytes beyond `sizeBytes` are zero, so growing needs no clearing. */
class MemoryContent {
  bytes: Uint8Array = new Uint8Array(0)
  sizeBytes = 0

  /** Doubles, so that appending n bytes costs O(n) in total. */
  reserve(neededBytes: number, name: string, location: string): void {
    if (neededBytes <= this.bytes.byteLength) return
    let grown: Uint8Array
    try {
      grown = new Uint8Array(Math.max(neededBytes, 2 * this.bytes.byteLength, 1024))
    } catch (cause) {
      const message = `Cannot grow ${name} in ${location} to ${neededBytes} bytes: there is no memory left.`
      throw new VarveError('DISK_FULL', message, { file: name, cause })
    }
    grown.set(this.bytes.subarray(0, this.sizeBytes))
    this.bytes = grown
  }
}

class MemoryFile implements File {
  readonly descriptor = -1
  readonly name: string
  readonly #location: string
  readonly #content: MemoryContent
  readonly #writable: boolean
  #closed = false

  constructor(name: string, location: string, content: MemoryContent, writable: boolean) {
    this.name = name
    this.#location = location
    this.#content = content
    this.#writable = writable
  }

  size(): number {
    this.#requireOpen()
    return this.#content.sizeBytes
  }

  read(target: Uint8Array, position: number): number {
    this.#requireOpen()
    const length = Math.max(0, Math.min(target.byteLength, this.#content.sizeBytes - position))
    target.set(this.#content.bytes.subarray(position, position + length))
    return length
  }

  write(source: Uint8Array, start: number, length: number, position: number): void {
    this.#requireWritable()
    checkSourceRange(source, start, length)
    if (length === 0) return
    const end = position + length
    this.#content.reserve(end, this.name, this.#location)
    this.#content.bytes.set(source.subarray(start, start + length), position)
    if (end > this.#content.sizeBytes) this.#content.sizeBytes = end
  }

  truncate(size: number): void {
    this.#requireWritable()
    const content = this.#content
    if (size < content.sizeBytes) content.bytes.fill(0, size, content.sizeBytes)
    else content.reserve(size, this.name, this.#location)
    content.sizeBytes = size
  }

  sync(): void {
    this.#requireOpen()
  }

  async syncAsync(): Promise<void> {
    this.#requireOpen()
  }

  close(): void {
    this.#closed = true
  }

  #requireOpen(): void {
    if (this.#closed) throw fileClosed(this.name, this.#location)
  }

  #requireWritable(): void {
    this.#requireOpen()
    if (!this.#writable) throw fileReadOnly(this.name, this.#location)
  }
}

class MemoryFileSystem implements FileSystem {
  readonly location: string
  // NOTE: all zero means unknown, which recovery takes for another boot: nothing here outlives a process anyway.
  readonly bootId: Uint8Array = new Uint8Array(bootIdBytes)
  readonly #contents = new Map<string, MemoryContent>()
  #prepared = false
  #owner: OwnerLock | undefined

  constructor(location: string) {
    this.location = location
  }

  async prepare(create: boolean): Promise<boolean> {
    if (this.#prepared) return false
    if (!create) {
      throw new VarveError('NOT_FOUND', `There is no database at ${this.location}; create it first.`)
    }
    this.#prepared = true
    return true
  }

  async lock(): Promise<OwnerLock> {
    if (this.#owner !== undefined) {
      const message = `The database at ${this.location} is already open in this process; use that one, or share() it.`
      throw new VarveError('LOCKED', message)
    }
    const releaseSync = (): void => {
      if (this.#owner === owner) this.#owner = undefined
    }
    const release = async (): Promise<void> => releaseSync()
    const owner: OwnerLock = { releaseSync, release, destroy: release }
    this.#owner = owner
    return owner
  }

  async list(): Promise<string[]> {
    return [...this.#contents.keys()]
  }

  async create(name: string): Promise<File> {
    return this.createSync(name)
  }

  createSync(name: string): File {
    checkFileName(name)
    if (this.#contents.has(name)) throw fileExists(name, this.location)
    const content = new MemoryContent()
    this.#contents.set(name, content)
    return new MemoryFile(name, this.location, content, true)
  }

  async open(name: string, writable: boolean): Promise<File> {
    checkFileName(name)
    const content = this.#contents.get(name)
    if (content === undefined) throw fileNotFound(name, this.location)
    return new MemoryFile(name, this.location, content, writable)
  }

  async remove(name: string): Promise<void> {
    this.removeSync(name)
  }

  /** As in POSIX, whoever has the file open keeps its content. */
  removeSync(name: string): void {
    checkFileName(name)
    if (!this.#contents.delete(name)) throw fileNotFound(name, this.location)
  }

  async syncDirectory(): Promise<void> {}

  syncDirectorySync(): void {}

  async removeDirectory(): Promise<boolean> {
    if (this.#contents.size === 0) this.#prepared = false
    return !this.#prepared
  }
}

/**
 * A directory in memory, empty and not yet created (`prepare(true)` creates it).
 *
 * @param location how messages name it
 */
export function memoryFileSystem(location = 'memory'): FileSystem {
  return new MemoryFileSystem(location)
}
