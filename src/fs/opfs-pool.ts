import { VarveError } from '../errors.ts'
import { domErrorName, storageFailure } from './opfs-error.ts'
import {
  decodeSlotHeader,
  encodeSlotHeader,
  SLOT_HEADER_BYTES,
  slotFileName,
  slotIndex,
} from './opfs-slot.ts'

/** Free slots that are made at the first open, and kept ready from then on. */
const READY_SLOTS = 8
/** More of them are made as soon as there are fewer. */
const REFILL_BELOW = 6
/** They grow by their number, up to this: a load that takes them faster than turns come has ever more. */
const READY_SLOTS_MAX = 64

/** An open file of the pool. */
export class Slot {
  readonly index: number
  readonly handle: FileSystemSyncAccessHandle
  /** It was there before this session: what the browser forgets at a power cut, if it did not sync a creation, is not this one. */
  readonly isOld: boolean
  /** The file it is; '' while it is free. */
  name = ''
  /** Who has it open under that name. */
  users = 0
  /** The name was taken away, or given, since the last flush. */
  isHeaderDirty = false

  constructor(index: number, handle: FileSystemSyncAccessHandle, isOld: boolean) {
    this.index = index
    this.handle = handle
    this.isOld = isOld
  }

  /** Writes the header. CRASH: it is whole or it is the one before. @throws DISK_FULL, IO */
  write(name: string): void {
    const header = encodeSlotHeader(name)
    let written: number
    try {
      written = this.handle.write(header, { at: 0 })
    } catch (error) {
      throw storageFailure(error, 'name', 'a file of the database', { file: name })
    }
    if (written !== header.byteLength) {
      const message = 'Cannot name a file of the database: the browser wrote only a part of its header.'
      throw new VarveError('DISK_FULL', message, { file: name })
    }
    this.name = name
    this.isHeaderDirty = true
  }
}

/**
 * All slots of a database, open: their handles are exclusive, so nobody else has them. Files are created by taking a free slot, at once;
 * more are made in turns of their own.
 */
export class SlotPool {
  readonly #directory: FileSystemDirectoryHandle
  readonly #slots: Slot[] = []
  readonly #named = new Map<string, Slot>()
  #free: Slot[] = []
  #nextIndex = 0
  #ready = READY_SLOTS
  #refilling: Promise<void> | undefined
  #isClosed = false

  private constructor(directory: FileSystemDirectoryHandle) {
    this.#directory = directory
  }

  /** Opens every slot of a directory, and makes the first free ones. @throws LOCKED, CORRUPT, DISK_FULL, IO; nothing is open then */
  static async open(directory: FileSystemDirectoryHandle, fileNames: readonly string[]): Promise<SlotPool> {
    const pool = new SlotPool(directory)
    const indices = fileNames.map(slotIndex).filter((index) => index !== undefined)
    try {
      const opened = await Promise.allSettled(indices.map((index) => pool.#openSlot(index, true)))
      for (const result of opened) {
        if (result.status === 'fulfilled') pool.#slots.push(result.value)
      }
      const failed = opened.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      for (const slot of pool.#slots) pool.#readHeader(slot)
      pool.#nextIndex = Math.max(-1, ...indices) + 1
      await pool.#refill()
      return pool
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  names(): string[] {
    return [...this.#named.keys()]
  }

  find(name: string): Slot | undefined {
    return this.#named.get(name)
  }

  /**
   * Makes a free slot that file. `isLasting`: what every open needs, which takes a slot that was there at an earlier open if there is one.
   * @throws DISK_FULL, IO
   */
  take(name: string, isLasting: boolean): Slot {
    const at = this.#free.findIndex((slot) => slot.isOld || !isLasting)
    const slot = this.#free[Math.max(0, at)]
    if (slot === undefined) {
      const message =
        'There is no file left that was prepared; await something between synchronous writes, so that the browser can create more.'
      throw new VarveError('DISK_FULL', message, { file: name })
    }
    this.#truncate(slot, name)
    slot.write(name)
    this.#free = this.#free.filter((other) => other !== slot)
    this.#named.set(name, slot)
    if (this.#free.length < REFILL_BELOW) this.#askForMore()
    return slot
  }

  /** Takes the name away. The slot is free once nobody has it open. @throws IO */
  remove(slot: Slot): void {
    const { name } = slot
    slot.write('')
    this.#named.delete(name)
    if (slot.users === 0) this.recycle(slot)
  }

  /** Frees a slot without a name that nobody has open any more. */
  recycle(slot: Slot): void {
    if (this.#isClosed) return
    // NOTE: the space goes back now. If that fails the next one who takes the slot truncates it, or fails.
    try {
      slot.handle.truncate(SLOT_HEADER_BYTES)
    } catch {
      // See above.
    }
    this.#free.push(slot)
  }

  /** Makes names that were given and taken away durable. @throws IO */
  flushHeaders(): void {
    for (const slot of this.#slots) {
      if (!slot.isHeaderDirty) continue
      try {
        slot.handle.flush()
      } catch (error) {
        throw storageFailure(error, 'flush', 'the names of the files of the database', { file: slot.name })
      }
      slot.isHeaderDirty = false
    }
  }

  /** Closes all. Idempotent. */
  closeSync(): void {
    this.#isClosed = true
    for (const slot of this.#slots) slot.handle.close()
    this.#slots.length = 0
    this.#named.clear()
    this.#free = []
  }

  async close(): Promise<void> {
    this.closeSync()
    await this.#refilling
  }

  /** Closes all and removes the slots, which are all free. @throws IO */
  async destroy(): Promise<void> {
    const indices = this.#slots.map(({ index }) => index)
    await this.close()
    for (const index of indices) await this.#directory.removeEntry(slotFileName(index))
  }

  #askForMore(): void {
    if (this.#refilling !== undefined) return
    // NOTE: for the next turn, when whoever takes them now may have taken more.
    this.#refilling = Promise.resolve()
      .then(() => this.#refill())
      // NOTE: who finds none is told so.
      .catch(() => {})
      .finally(() => (this.#refilling = undefined))
  }

  async #refill(): Promise<void> {
    if (this.#free.length === 0) this.#ready = Math.min(2 * this.#ready, READY_SLOTS_MAX)
    while (this.#free.length < this.#ready && !this.#isClosed) {
      const missing = this.#ready - this.#free.length
      const indices = Array.from({ length: missing }, (_, i) => this.#nextIndex + i)
      this.#nextIndex += missing
      const made = await Promise.allSettled(indices.map((index) => this.#openSlot(index, false)))
      for (const result of made) {
        if (result.status === 'rejected') continue
        if (this.#isClosed) result.value.handle.close()
        else {
          this.#slots.push(result.value)
          this.#free.push(result.value)
        }
      }
      const failed = made.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    }
  }

  async #openSlot(index: number, isOld: boolean): Promise<Slot> {
    const name = slotFileName(index)
    try {
      const file = await this.#directory.getFileHandle(name, { create: !isOld })
      return new Slot(index, await file.createSyncAccessHandle(), isOld)
    } catch (error) {
      throw storageFailure(error, isOld ? 'open' : 'create', name, { file: name })
    }
  }

  /** @throws CORRUPT, IO */
  #readHeader(slot: Slot): void {
    const fileName = slotFileName(slot.index)
    const bytes = new Uint8Array(SLOT_HEADER_BYTES)
    let length: number
    try {
      length = slot.handle.read(bytes, { at: 0 })
    } catch (error) {
      throw storageFailure(error, 'read', fileName, { file: fileName })
    }
    const content = decodeSlotHeader(bytes.subarray(0, length))
    if (content.kind === 'damaged') throw corruptSlot(fileName, content.reason)
    if (content.kind === 'free') {
      this.#free.push(slot)
      return
    }
    if (this.#named.has(content.name)) throw corruptSlot(fileName, `it is a second ${content.name}`)
    slot.name = content.name
    this.#named.set(content.name, slot)
  }

  #truncate(slot: Slot, name: string): void {
    try {
      slot.handle.truncate(SLOT_HEADER_BYTES)
    } catch (error) {
      throw storageFailure(error, 'create', name, { file: name })
    }
  }
}

function corruptSlot(file: string, reason: string): VarveError {
  const message = `${file} is damaged: ${reason}. Nothing was changed; restore the database from an export.`
  return new VarveError('CORRUPT', message, { file, offset: 0 })
}

/** Whether the browser has no such file or directory. */
export function isMissing(error: unknown): boolean {
  return domErrorName(error) === 'NotFoundError'
}
