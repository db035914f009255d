import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { BatchWalk } from './batch-walk.ts'
import {
  BOOT_ID_BYTES,
  CHAIN_BYTES,
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_BOOT_ID,
  HEADER_CHECKSUM,
  HEADER_SALT,
  JOURNAL_HEADER_BYTES,
  SALT_BYTES,
  type JournalHeader,
  type JournalLink,
} from './format.ts'
import { FrameCursor, type FrameDamage } from './reader.ts'

export type DamageKind =
  | 'none'
  /** The file is shorter than a header: a journal without frames. */
  | 'incomplete-header'
  | 'bad-header'
  // As it was written, but not by us:
  | 'unknown-header'
  | 'malformed-header'
  | FrameDamage

/** What one read-only pass over a journal file found. A value: nothing in it refers to the file or to linear memory. */
export interface JournalScan {
  /** Undefined unless it is intact. */
  readonly header: JournalHeader | undefined
  /** The boot id as it stands in the file, in an intact header or not; zero where the file is too short. */
  readonly bootId: Uint8Array
  /** Without the room behind what was written, where its header is intact. */
  readonly fileLength: number
  /** Valid from 0 up to here; 0 without an intact header. Where a limit was given, not beyond. */
  readonly validLength: number
  /** Chain at validLength; zero if that is 0. */
  readonly chainAtValid: Uint8Array
  /** Number of valid frames. */
  readonly frames: number
  /** Base of the first valid frame. */
  readonly firstBaseSeqno: number | undefined
  /** What follows the last valid frame. */
  readonly nextSeqno: number | undefined
  /** Of all frames that can be believed, those behind the damage included; 0: none. */
  readonly highestSyncedOffset: number
  readonly hasSyncedFrame: boolean
  /** What is at validLength instead of the next frame, and where exactly (in a header: the field). */
  readonly damage: { readonly kind: DamageKind; readonly offset: number }
}

/** A journal the manifest names. `seal`: where the manifest says it ends. */
export interface JournalSource {
  readonly id: number
  readonly name: string
  /** Undefined: there is no such file. */
  readonly file: File | undefined
  readonly seal: JournalLink | undefined
  /** Looks at what is in its batches. */
  readonly batches?: BatchWalk
}

/** All that is known of a journal. */
export interface JournalEvidence {
  readonly id: number
  readonly name: string
  readonly seal: JournalLink | undefined
  readonly scan: JournalScan | undefined
}

/**
 * Reads all journals, in the order of their ids, and changes nothing.
 * @throws IO, NO_MEMORY (a page)
 */
export function scanJournals(kernel: Kernel, sources: readonly JournalSource[]): JournalEvidence[] {
  // NOTE: headers first: where a journal that was not sealed ends is said by the one that follows it.
  const headers = sources.map(({ file, seal }) =>
    file === undefined || seal?.length === 0 ? undefined : readJournalHeader(kernel, file),
  )
  return sources.map(({ id, name, file, seal, batches }, index) => {
    const successor = headers.slice(index + 1).find((header) => header?.predecessor?.id === id)
    const limit = seal?.length ?? successor?.predecessor?.length
    return { id, name, seal, scan: file && scanJournal(kernel, file, limit, batches) }
  })
}

/** The header of a journal file if it is intact. */
export function readJournalHeader(kernel: Kernel, file: File): JournalHeader | undefined {
  return withCursor(kernel, file, undefined, (cursor) => {
    const { decoded } = cursor.readHeader()
    return decoded.kind === 'header' ? decoded.header : undefined
  })
}

/**
 * One read-only pass over a journal file.
 * @param limit where it ends by what others say; bytes above are not looked at unless there is damage below. 0: it is
 * no part of the log, and nothing is read
 */
export function scanJournal(
  kernel: Kernel,
  file: File,
  limit: number | undefined,
  batches?: BatchWalk,
): JournalScan {
  return withCursor(kernel, file, limit, (cursor) => {
    cursor.batches = batches
    const { fileLength } = cursor.window
    if (limit === 0) return headless(fileLength, new Uint8Array(BOOT_ID_BYTES), 'none', 0, 0)
    const { bytes, decoded } = cursor.readHeader()
    const bootId = new Uint8Array(BOOT_ID_BYTES)
    if (bytes.byteLength >= JOURNAL_HEADER_BYTES) {
      bootId.set(bytes.subarray(HEADER_BOOT_ID, HEADER_BOOT_ID + BOOT_ID_BYTES))
    }
    switch (decoded.kind) {
      case 'header':
        return scanFrames(cursor, decoded.header)
      case 'incomplete':
        return headless(fileLength, bootId, 'incomplete-header', 0, 0)
      case 'unknown':
        return headless(fileLength, bootId, 'unknown-header', decoded.offset, 0)
      case 'malformed':
        return headless(fileLength, bootId, 'malformed-header', decoded.offset, 0)
      case 'bad':
        return headless(fileLength, bootId, 'bad-header', 0, syncedBehindHeader(kernel, file, cursor, bytes))
    }
  })
}

function scanFrames(cursor: FrameCursor, header: JournalHeader): JournalScan {
  const { codec } = cursor
  let frames = 0
  let firstBaseSeqno: number | undefined
  let highestSyncedOffset = 0
  let step = cursor.next()
  for (; step === 'frame'; step = cursor.next()) {
    frames++
    firstBaseSeqno ??= cursor.baseSeqno
    highestSyncedOffset = Math.max(highestSyncedOffset, cursor.syncedOffset)
  }
  const validLength = cursor.position
  const chainAtValid = codec.takeChain()
  if (step !== 'end') highestSyncedOffset = Math.max(highestSyncedOffset, searchSynced(cursor, validLength))
  return {
    header,
    bootId: header.bootId,
    fileLength: cursor.writtenEnd(validLength),
    validLength,
    chainAtValid,
    frames,
    firstBaseSeqno,
    nextSeqno: cursor.nextSeqno,
    highestSyncedOffset,
    hasSyncedFrame: highestSyncedOffset > 0,
    damage: { kind: step === 'end' ? 'none' : step, offset: validLength },
  }
}

function headless(
  fileLength: number,
  bootId: Uint8Array,
  kind: DamageKind,
  offset: number,
  highestSyncedOffset: number,
): JournalScan {
  return {
    header: undefined,
    bootId,
    fileLength,
    validLength: 0,
    chainAtValid: new Uint8Array(CHAIN_BYTES),
    frames: 0,
    firstBaseSeqno: undefined,
    nextSeqno: undefined,
    highestSyncedOffset,
    hasSyncedFrame: highestSyncedOffset > 0,
    damage: { kind, offset },
  }
}

/**
 * The highest synced offset of the frames at `from` or behind that are found by their header check.
 * NOTE: from an intact header on the search goes on behind its frame, so content is not searched.
 */
function searchSynced(cursor: FrameCursor, from: number): number {
  const { codec, window } = cursor
  const last = window.fileLength - FRAME_HEADER_BYTES
  let highest = 0
  for (let at = from; at <= last;) {
    const address = window.at(at, FRAME_HEADER_BYTES)
    if (codec.isPlausible(address, at) && codec.isHeaderIntact(address, at)) {
      highest = Math.max(highest, codec.syncedOffset(address))
      at += frameBytes(codec.payloadLength(address))
    } else {
      at += 8
    }
  }
  return highest
}

/**
 * What the frames behind a damaged header prove. Either its salt is right, then they are found by it; or its last 8 bytes
 * are, then the chain of the first frame starts from them.
 */
function syncedBehindHeader(kernel: Kernel, file: File, cursor: FrameCursor, header: Uint8Array): number {
  cursor.codec.setSalt(header.subarray(HEADER_SALT, HEADER_SALT + SALT_BYTES))
  const found = searchSynced(cursor, JOURNAL_HEADER_BYTES)
  return withCursor(kernel, file, undefined, (chained) => {
    chained.checkHeaders = false
    chained.codec.setChain(header.subarray(HEADER_CHECKSUM, JOURNAL_HEADER_BYTES))
    let highest = found
    while (chained.next() === 'frame') highest = Math.max(highest, chained.syncedOffset)
    return highest
  })
}

/** A cursor at the start of a journal, on a page that is given back afterwards. @throws NO_MEMORY */
export function withCursor<T>(
  kernel: Kernel,
  file: File,
  end: number | undefined,
  use: (cursor: FrameCursor) => T,
): T {
  const page = kernel.page()
  try {
    return use(new FrameCursor(kernel, file, page, end))
  } finally {
    kernel.exports.freePage(page)
  }
}
