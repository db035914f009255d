/**
 * A directory in the origin private file system of a browser. Works where synchronous access handles are: in dedicated workers.
 * Files lie in slots (opfs-slot.ts), all of which one database has open while it is.
 */
import { VarveError } from '../errors.ts'
import { parseFileName } from './file-names.ts'
import type { File, FileSystem, OwnerLock } from './filesystem.ts'
import {
  checkFileName,
  checkSourceRange,
  fileClosed,
  fileExists,
  fileNotFound,
  fileReadOnly,
} from './memory.ts'
import { attempt, isMissing, storageFailure } from './opfs-error.ts'
import { pathOf } from './opfs-path.ts'
import { SlotPool, type Slot } from './opfs-pool.ts'
import { SLOT_HEADER_BYTES, slotIndex } from './opfs-slot.ts'

const BOOT_ID_BYTES = 16

/** What of the browser this needs. */
export interface OpfsHost {
  /** Root of the origin's storage. @throws NOT_SUPPORTED */
  root(): Promise<FileSystemDirectoryHandle>
  /** Web Locks, where there are any. */
  readonly locks: LockManager | undefined
}

class OpfsFile implements File {
  readonly descriptor = -1
  readonly name: string
  readonly #location: string
  readonly #pool: SlotPool
  readonly #slot: Slot
  readonly #writable: boolean
  #isOpen = true

  constructor(location: string, pool: SlotPool, slot: Slot, writable: boolean) {
    this.name = slot.name
    this.#location = location
    this.#pool = pool
    this.#slot = slot
    this.#writable = writable
    slot.users++
  }

  size(): number {
    const { handle } = this.#opened()
    return Math.max(0, this.#attempt('measure', () => handle.getSize()) - SLOT_HEADER_BYTES)
  }

  read(target: Uint8Array, position: number): number {
    const { handle } = this.#opened()
    let filled = 0
    while (filled < target.byteLength) {
      const rest = filled === 0 ? target : target.subarray(filled)
      const at = SLOT_HEADER_BYTES + position + filled
      const got = this.#attempt('read', () => handle.read(rest, { at }))
      if (!(got > 0)) break
      // NOTE: a count above what was asked for is a lie; nothing beyond the target was written.
      filled += Math.min(got, rest.byteLength)
    }
    return filled
  }

  write(source: Uint8Array, start: number, length: number, position: number): void {
    const { handle } = this.#openedForWriting()
    checkSourceRange(source, start, length)
    if (length === 0) return
    const piece = source.subarray(start, start + length)
    const at = SLOT_HEADER_BYTES + position
    const written = this.#attempt('write to', () => handle.write(piece, { at }))
    if (written === length) return
    const message = `Cannot write to ${this.name}: the browser wrote ${written} of ${length} bytes; the quota of this site may be used up.`
    throw new VarveError('DISK_FULL', message, { file: this.name })
  }

  truncate(size: number): void {
    const { handle } = this.#openedForWriting()
    this.#attempt('truncate', () => handle.truncate(SLOT_HEADER_BYTES + size))
  }

  sync(): void {
    const slot = this.#opened()
    this.#attempt('flush', () => slot.handle.flush())
    slot.isHeaderDirty = false
  }

  async syncAsync(): Promise<void> {
    this.sync()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#pool.letGo(this.#slot)
  }

  #opened(): Slot {
    if (!this.#isOpen) throw fileClosed(this.name, this.#location)
    return this.#slot
  }

  #openedForWriting(): Slot {
    const slot = this.#opened()
    if (!this.#writable) throw fileReadOnly(this.name, this.#location)
    return slot
  }

  #attempt<T>(action: string, step: () => T): T {
    return attempt(action, this.name, this.name, step)
  }
}

class OpfsFileSystem implements FileSystem {
  readonly location: string
  // NOTE: a page cannot know whether the machine was restarted; all zero is taken for another boot.
  readonly bootId: Uint8Array = new Uint8Array(BOOT_ID_BYTES)
  readonly #host: OpfsHost
  readonly #path: readonly string[]
  #parent: FileSystemDirectoryHandle | undefined
  #directory: FileSystemDirectoryHandle | undefined
  #pool: SlotPool | undefined
  /** Names in the directory that are not slots, as of when the lock was taken: from then on nobody else makes any of ours. */
  #others: readonly string[] = []

  constructor(location: string, host: OpfsHost) {
    this.location = location
    this.#host = host
    this.#path = pathOf(location)
  }

  async prepare(create: boolean): Promise<boolean> {
    const names = [...this.#path]
    const last = names.pop() as string
    let parent = await this.#host.root()
    for (const name of names) parent = await this.#child(parent, name)
    this.#parent = parent
    try {
      this.#directory = await parent.getDirectoryHandle(last)
      return false
    } catch (error) {
      if (!isMissing(error)) throw storageFailure(error, 'open', this.location)
    }
    if (!create) throw this.#notFound()
    this.#directory = await this.#attempt('create', () => parent.getDirectoryHandle(last, { create: true }))
    return true
  }

  async lock(): Promise<OwnerLock> {
    if (this.#pool !== undefined) throw this.#locked()
    const unlock = await this.#takeWebLock()
    let pool: SlotPool
    try {
      const entries = await this.#entries()
      this.#others = entries.filter((name) => slotIndex(name) === undefined)
      pool = await SlotPool.open(this.#opened(), entries)
    } catch (error) {
      unlock()
      if (error instanceof VarveError && error.code === 'LOCKED') throw this.#locked()
      throw error
    }
    this.#pool = pool
    const releaseSync = (): void => {
      if (this.#pool === pool) this.#pool = undefined
      pool.closeSync()
      unlock()
    }
    const release = async (): Promise<void> => {
      await pool.close()
      releaseSync()
    }
    const destroy = async (): Promise<void> => {
      if (this.#pool !== pool) return
      await this.#attempt('remove', () => pool.destroy())
      releaseSync()
    }
    return { release, releaseSync, destroy }
  }

  /** NOTE: before the lock is taken another owner may have the handles: then slots are listed, and not what is in them. */
  async list(): Promise<string[]> {
    if (this.#pool === undefined) return this.#entries()
    return [...this.#pool.names(), ...this.#others]
  }

  async create(name: string): Promise<File> {
    return this.createSync(name)
  }

  createSync(name: string): File {
    checkFileName(name)
    const pool = this.#lockedPool()
    if (pool.find(name) !== undefined) throw fileExists(name, this.location)
    return new OpfsFile(this.location, pool, pool.take(name, isLasting(name)), true)
  }

  async open(name: string, writable: boolean): Promise<File> {
    checkFileName(name)
    const pool = this.#lockedPool()
    const slot = pool.find(name)
    if (slot === undefined) throw fileNotFound(name, this.location)
    return new OpfsFile(this.location, pool, slot, writable)
  }

  async remove(name: string): Promise<void> {
    this.removeSync(name)
  }

  /** As in POSIX, whoever has the file open keeps its content. */
  removeSync(name: string): void {
    checkFileName(name)
    const pool = this.#lockedPool()
    const slot = pool.find(name)
    if (slot === undefined) throw fileNotFound(name, this.location)
    pool.remove(slot)
  }

  async syncDirectory(): Promise<void> {
    this.syncDirectorySync()
  }

  syncDirectorySync(): void {
    this.#pool?.flushHeaders()
  }

  async removeDirectory(): Promise<boolean> {
    if (this.#pool !== undefined || (await this.#entries()).length > 0) return false
    const name = this.#path.at(-1) as string
    await this.#attempt('remove', () => (this.#parent as FileSystemDirectoryHandle).removeEntry(name))
    this.#directory = undefined
    return true
  }

  async #takeWebLock(): Promise<() => void> {
    const { locks } = this.#host
    // NOTE: without Web Locks the handles, which are exclusive, are the lock.
    if (locks === undefined) return () => {}
    const name = `varve:${this.#path.join('/')}`
    return new Promise((resolve, reject) => {
      locks
        .request(name, { ifAvailable: true }, (lock) => {
          if (lock === null) return reject(this.#locked())
          return new Promise<void>((unlock) => resolve(unlock))
        })
        .catch((error: unknown) => reject(storageFailure(error, 'lock', this.location)))
    })
  }

  async #entries(): Promise<string[]> {
    const directory = this.#opened()
    return this.#attempt('list', async () => {
      const names: string[] = []
      for await (const name of directory.keys()) names.push(name)
      return names
    })
  }

  async #child(parent: FileSystemDirectoryHandle, name: string): Promise<FileSystemDirectoryHandle> {
    try {
      return await parent.getDirectoryHandle(name)
    } catch (error) {
      throw isMissing(error) ? this.#notFound() : storageFailure(error, 'open', this.location)
    }
  }

  async #attempt<T>(action: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      throw storageFailure(error, action, this.location)
    }
  }

  #opened(): FileSystemDirectoryHandle {
    if (this.#directory === undefined) throw this.#notFound()
    return this.#directory
  }

  #lockedPool(): SlotPool {
    if (this.#pool === undefined) throw new Error(`${this.location} is not locked`)
    return this.#pool
  }

  #notFound(): VarveError {
    return new VarveError(
      'NOT_FOUND',
      `The directory ${this.location} does not exist in this site's storage.`,
    )
  }

  #locked(): VarveError {
    const message = `The database ${this.location} is open in another tab or worker of this site; close it there.`
    return new VarveError('LOCKED', message)
  }
}

/** What is needed at every open, and must not lie in a slot whose creation a power cut may undo. */
function isLasting(name: string): boolean {
  const kind = parseFileName(name)?.kind
  return kind === 'journal' || kind === 'manifest' || kind === 'superblock'
}

/** @param location path of the directory from the root of the origin's storage on. @throws TypeError */
export function opfsFileSystem(location: string, host: OpfsHost): FileSystem {
  return new OpfsFileSystem(location, host)
}
