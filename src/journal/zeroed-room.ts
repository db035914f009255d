import { memoryFor } from '../bytes.ts'
import { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { JournalRecord } from './journal-record.ts'

/** The page of a host's cache: no page is smaller. */
export const TEAR_BYTES = 4096
/** Zeros written at once. NOTE: some hundred small records; as many bytes are written twice. */
export const ROOM_BYTES = 65536
/** Syncs of more than this gain too little. */
export const SMALL_SYNC_BYTES = 4096

/** Of a thread that has made room once. */
let zeros: Uint8Array | undefined

/**
 * Zeros behind the last frame of a journal that is synced in small steps. A sync of a file that has become longer writes its length and where its blocks are, too, which on most disks takes as
 * long again as the bytes; so the file is made longer ahead of the frames, by as much as many of them take. All under the journal lock.
 *
 *   ├ header ┼ frame ┼ frame ┼ 0 0 0 0 0 0 0 0 … ┤ a multiple of TEAR_BYTES
 *                            ↑ length            ↑ roomEnd
 *
 * Who reads takes zeros up to the end of the file for no frame at all, and a frame of which only the beginning is there for one that a killed process began to write:
 * a host copies what is written page after page, so what is missing then begins at a multiple of TEAR_BYTES.
 * INVARIANT: so no frame with zeros behind it is zeros from its last such place on, nor with a bit flipped; damage to it is told from a write that was cut off.
 */
export class ZeroedRoom {
  readonly #file: File
  readonly #record: JournalRecord

  constructor(file: File, record: JournalRecord) {
    this.#file = file
    this.#record = record
  }

  /** Before a write of `bytes` at the journal's length. @throws what cutting does */
  enter(source: Uint8Array, start: number, bytes: number): void {
    const { length, roomEnd } = this.#record
    if (roomEnd === 0) return
    // NOTE: cut off, a frame that ends where the file ends, one inside of this write too, would have no zeros behind it to be known by.
    if (length + bytes >= roomEnd || looksTorn(source, start, bytes, length)) this.cut()
  }

  /** After a write that ends at the journal's length: the next sync is of the zeros behind it, too. CRASH: they are no frame. @throws what leaves more behind than the journal's length says */
  leave(source: Uint8Array, start: number, bytes: number): void {
    const record = this.#record
    if (!record.wantsRoom) return
    record.wishRoom(false)
    const { length } = record
    if (record.roomEnd > length || looksTorn(source, start, bytes, length - bytes)) return
    zeros ??= memoryFor(ROOM_BYTES + TEAR_BYTES)
    if (zeros === undefined) return
    const to = roomEndBehind(length)
    try {
      this.#file.write(zeros, 0, to - length, length)
      record.roomEnd = to
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== 'DISK_FULL') throw error
      record.giveUpRoom()
      this.#file.truncate(length)
    }
  }

  /** The offset of the first byte of the room that is not zero. @throws IO */
  firstBit(): number | undefined {
    const { length, roomEnd } = this.#record
    if (roomEnd <= length) return undefined
    const bytes = memoryFor(Math.min(roomEnd - length, ROOM_BYTES + TEAR_BYTES)) ?? new Uint8Array(0)
    const at = bytes.subarray(0, this.#file.read(bytes, length)).findIndex((byte) => byte !== 0)
    return at < 0 ? undefined : length + at
  }

  /** @throws what the host says */
  cut(): void {
    const { length, roomEnd } = this.#record
    if (roomEnd > length) this.#file.truncate(length)
    this.#record.roomEnd = 0
  }
}

/** The last place before `end` at which a host may stop to write. */
export function lastTear(end: number): number {
  return end - 1 - ((end - 1) % TEAR_BYTES)
}

/** Where the room behind a write that ends at `end` ends itself. */
export function roomEndBehind(end: number): number {
  return lastTear(end + ROOM_BYTES) + TEAR_BYTES
}

/** Whether `length` bytes of `source` from `start` on, written at `position`, would look cut off, or with one bit flipped: from the last place at which a host may stop on, fewer than two bits are set. */
export function looksTorn(source: Uint8Array, start: number, length: number, position: number): boolean {
  const tear = lastTear(position + length)
  if (tear <= position) return false
  let isBitSeen = false
  for (let at = start + length - 1; at >= start + (tear - position); at--) {
    const byte = source[at] ?? 0
    if (byte === 0) continue
    if (isBitSeen || (byte & (byte - 1)) !== 0) return false
    isBitSeen = true
  }
  return true
}
