/**
 * The one door to files. Creating, opening, listing and deleting are asynchronous; reading, writing,
 * truncating and flushing an OPEN file are synchronous, because that is what both Node and the browsers'
 * OPFS access handles offer; Node reads and flushes asynchronously, too. A FileSystem stands for ONE database directory; names are plain file names.
 *
 * Implementations: node.ts, opfs.ts, memory.ts, and test/support/faulty.ts (simulated crashes and errors).
 *
 * Errors: VarveError only. NOT_FOUND, EXISTS, DISK_FULL (no space, quota, file size limit, short write), IO
 * (everything else), NO_MEMORY never; `file` names the file, `cause` is the host's error.
 */
export interface FileSystem {
  /** The directory as a person would recognise it, for messages. */
  readonly location: string
  /** The boot of this machine as 16 bytes, or all zero where it cannot be known (browsers). */
  readonly bootId: Uint8Array

  /**
   * Makes sure that the directory exists, creating the last path component only (mode 0700).
   * @returns true if it was created now.
   * @throws NOT_FOUND when the parent is missing, or when the directory is and `create` is false.
   */
  prepare(create: boolean): Promise<boolean>

  /** Takes the owner lock. @throws LOCKED at once when somebody else holds it. */
  lock(): Promise<OwnerLock>

  /** Names of all files in the directory, the lock's own included, in no particular order. Where files lie in slots (OPFS), those of the slots until the lock is taken. */
  list(): Promise<string[]>

  /** Creates a file exclusively (mode 0600) and opens it for reading and writing. @throws EXISTS */
  create(name: string): Promise<File>
  /**
   * The same, synchronously; absent where the host cannot. `syncsApart`: a failed write-back is told to syncAsync() and to sync(), each, whichever asks first. NOTE: hosts tell each
   * open file description once, so those have two.
   */
  createSync?(name: string, syncsApart?: boolean): File
  /** Opens an existing regular file for reading, and for writing when `writable`. @throws NOT_FOUND */
  open(name: string, writable: boolean): Promise<File>
  /** Deletes a file. @throws NOT_FOUND */
  remove(name: string): Promise<void>
  /** The same, synchronously; absent where the host cannot. */
  removeSync?(name: string): void

  /**
   * Keeps files as they are in a new directory in this one, whatever is done to them afterwards, durably; `rewritten`: those that will be written in place. Absent where the
   * host cannot. @returns the name of the directory
   */
  keepAside?(names: readonly string[], rewritten: ReadonlySet<string>): Promise<string>

  /** What another thread makes a FileSystem of the same directory of; structured cloning copies it. Absent where threads cannot share files. */
  readonly share?: (() => unknown) | undefined
  /** The file that was opened under that descriptor, maybe on another thread. Closing it is the other's. Absent where threads cannot share files. */
  adopt?(name: string, descriptor: number, syncDescriptor?: number): File

  /** Makes the names created and removed so far durable (fsync of the directory). */
  syncDirectory(): Promise<void>
  syncDirectorySync?(): void

  /**
   * Removes the directory itself if nothing is in it and the host lets it go (a mount point stays, for one).
   * @returns whether it is gone
   */
  removeDirectory(): Promise<boolean>
}

/** An open file. All positions and lengths are in bytes. */
export interface File {
  readonly name: string
  /** Names the open file on all threads (FileSystem.adopt); -1 where there is no such name. */
  readonly descriptor: number
  /** Another one for syncAsync alone (`syncsApart`), if there is one. */
  readonly syncDescriptor?: number

  /** Whether a write that a killed process leaves undone stops at a multiple of 4096 bytes of the file. Absent where that is not known. */
  readonly tearsAtPages?: boolean

  /** Current length. */
  size(): number

  /**
   * Reads into `target` from `position`, until it is full or the file ends; retries what the host cut short.
   * `target` may lie on shared memory.
   * @returns the number of bytes read: less than `target.byteLength` only at the end of the file.
   */
  read(target: Uint8Array, position: number): number

  /**
   * The same without blocking this thread; absent where the host cannot. `target` is not on shared memory, and nobody else's until then. What is written meanwhile may or
   * may not be seen. The caller does not close the file before.
   */
  readAsync?(target: Uint8Array, position: number): Promise<number>

  /**
   * Writes `length` bytes of `source`, from `start`, at `position`. Either everything is written, or it throws
   * (DISK_FULL, IO) and the bytes from `position` on are undefined. `source` may lie on shared memory.
   */
  write(source: Uint8Array, start: number, length: number, position: number): void

  truncate(size: number): void

  /** fdatasync: content and length are durable when it returns. Never retried after a failure. */
  sync(): void
  /** The same without blocking this thread where the host can; what is written meanwhile may or may not be covered. */
  syncAsync(): Promise<void>

  /** Idempotent. Not a flush. */
  close(): void
}

/** The right to be the only one who uses the directory. */
export interface OwnerLock {
  /** Gives it back. Idempotent. */
  release(): Promise<void>
  /** The same at process exit: as much as can be done synchronously. */
  releaseSync(): void
  /**
   * Gives it back and leaves no file of it behind: for an owner that has removed everything else. Idempotent.
   * @throws IO; then it is still held
   */
  destroy(): Promise<void>
}
