import { VarveError } from '../errors.ts'
import { attempt, storageFailure } from './opfs-error.ts'
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
    const written = attempt('name', 'a file of the database', name, () =>
      this.handle.write(header, { at: 0 }),
    )
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
      const { opened, failed } = await pool.#openSlots(indices, true)
      if (failed !== undefined) throw failed.reason
      for (const slot of opened) pool.#readHeader(slot)
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
    attempt('create', name, name, () => slot.handle.truncate(SLOT_HEADER_BYTES))
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
    if (slot.users === 0) this.#recycle(slot)
  }

  /** One who had it open has it no more. */
  letGo(slot: Slot): void {
    slot.users--
    if (slot.users === 0 && slot.name === '') this.#recycle(slot)
  }

  /** Frees a slot without a name that nobody has open any more. */
  #recycle(slot: Slot): void {
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
      attempt('flush', 'the names of the files of the database', slot.name, () => slot.handle.flush())
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
      const { opened, failed } = await this.#openSlots(indices, false)
      this.#free.push(...opened)
      if (failed !== undefined) throw failed.reason
    }
  }

  /** Opens or creates slots: those that could be, and why one could not. None if the pool was closed meanwhile. */
  async #openSlots(
    indices: readonly number[],
    isOld: boolean,
  ): Promise<{ opened: Slot[]; failed: PromiseRejectedResult | undefined }> {
    const results = await Promise.allSettled(indices.map((index) => this.#openSlot(index, isOld)))
    let opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    if (this.#isClosed) {
      for (const { handle } of opened) handle.close()
      opened = []
    }
    this.#slots.push(...opened)
    return { opened, failed: results.find((result) => result.status === 'rejected') }
  }

  async #openSlot(index: number, isOld: boolean): Promise<Slot> {
    const name = slotFileName(index)
    try {
      const file = await this.#directory.getFileHandle(name, { create: !isOld })
      return new Slot(index, await accessHandle(file), isOld)
    } catch (error) {
      throw storageFailure(error, isOld ? 'open' : 'create', name, { file: name })
    }
  }

  /** @throws CORRUPT, IO */
  #readHeader(slot: Slot): void {
    const fileName = slotFileName(slot.index)
    const bytes = new Uint8Array(SLOT_HEADER_BYTES)
    const length = attempt('read', fileName, fileName, () => slot.handle.read(bytes, { at: 0 }))
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
}

/** Files whose access handles are being made. NOTE: Chromium never answers if the file is collected as garbage before it has. */
const awaited = new Set<FileSystemFileHandle>()

async function accessHandle(file: FileSystemFileHandle): Promise<FileSystemSyncAccessHandle> {
  awaited.add(file)
  try {
    return await file.createSyncAccessHandle()
  } finally {
    awaited.delete(file)
  }
}

function corruptSlot(file: string, reason: string): VarveError {
  const message = `${file} is damaged: ${reason}. Nothing was changed; restore the database from an export.`
  return new VarveError('CORRUPT', message, { file, offset: 0 })
}
