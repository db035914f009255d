/** An open file of a Node host. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  read,
  readSync,
  writeSync,
} from 'node:fs'
import { VarveError } from '../errors.ts'
import type { File } from './filesystem.ts'
import { hostErrorCode, hostFailure, refusedByRuntime } from './host-error.ts'
import { fileClosed } from './memory.ts'

/** Translates a host error. Argument errors of Node are bugs of ours and pass unchanged. */
export function translate(error: unknown, action: string, name: string, location: string): unknown {
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

export class NodeFile implements File {
  readonly name: string
  readonly #location: string
  /** -1 once close() was called. */
  #descriptor: number
  /** Asynchronous reads and flushes that the host has not finished. */
  #inFlight = 0
  /** Those that close() left to the last of them. */
  #descriptorsToClose: readonly number[] = []
  readonly syncDescriptor: number
  /** NOTE: systems copy what is written into their cache page after page, and a page at once. Not so where the disk of another machine is written without a cache: a process killed in the middle of a write may leave a journal there that has to be salvaged. */
  readonly tearsAtPages = true

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
export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor)
  } catch {
    // see above
  }
}
