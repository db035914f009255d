import { PAGE_BYTES } from '../../assembly/memory/layout.ts'
import { equalBytes, memoryFor } from '../bytes.ts'
import type { File } from '../fs/filesystem.ts'
import {
  CHAIN_BYTES,
  FRAME_CHAIN,
  FRAME_HEADER_BYTES,
  frameBytes,
  HEADER_CHECKSUM,
  HEADER_SALT,
  JOURNAL_HEADER_BYTES,
  SALT_BYTES,
} from '../journal/format.ts'
import { copyOut, SCRATCH_BYTES } from '../journal/frame.ts'
import { FrameCursor, frameOf, type JournalFrame } from '../journal/reader.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Losses } from './losses.ts'

/**
 * The records of a journal that can be believed, those behind damage included. A frame starts with its chain, a checksum over the frame and the chain of the one before it. So where the content of
 * a frame is damaged the next one can be checked by what it starts with; where its header is, the next is searched for by its own header's check.
 *
 * @param databaseId whose journal it must be; undefined: anybody's
 * @param maxPayloadBytes larger records are lost; none allocates more
 * @throws IO, NO_MEMORY (a page), FORMAT_VERSION
 */
export function* journalRemains(
  kernel: Kernel,
  file: File,
  databaseId: Uint8Array | undefined,
  maxPayloadBytes: number,
  losses: Losses,
): Generator<JournalFrame, void, void> {
  const page = kernel.page()
  try {
    const cursor = new FrameCursor(kernel, file, page, undefined)
    let large: Uint8Array | undefined
    cursor.large = (length) => (large = length <= maxPayloadBytes ? memoryFor(length) : undefined)
    const { bytes, decoded } = cursor.readHeader()
    if (bytes.byteLength < JOURNAL_HEADER_BYTES) return
    if (decoded.kind === 'header') {
      if (databaseId !== undefined && !equalBytes(decoded.header.databaseId, databaseId)) {
        losses.add(file.name, 0, file.size(), 'it belongs to another database')
        return
      }
    } else {
      losses.add(file.name, 0, JOURNAL_HEADER_BYTES, 'its header is damaged')
      cursor.codec.setSalt(bytes.subarray(HEADER_SALT, HEADER_SALT + SALT_BYTES))
      cursor.codec.setChain(bytes.subarray(HEADER_CHECKSUM, JOURNAL_HEADER_BYTES))
    }
    for (;;) {
      large = undefined
      const step = cursor.next()
      if (step === 'frame') {
        const fits = frameBytes(cursor.payloadLength) <= PAGE_BYTES - SCRATCH_BYTES
        if (fits || large !== undefined) yield frameOf(kernel, file, cursor, large)
        else losses.add(file.name, cursor.offset, cursor.payloadLength, 'a record does not fit the memory')
        continue
      }
      if (step === 'end') return
      const from = cursor.position
      const resumed = resume(kernel, cursor)
      const to = resumed ? cursor.position : cursor.writtenEnd(from)
      losses.add(file.name, from, to - from, `no valid record there (${step})`)
      if (!resumed) return
    }
  } finally {
    kernel.exports.freePage(page)
  }
}

/** Puts the cursor behind damage, where a frame may be checked again. @returns false if there is no such place */
function resume(kernel: Kernel, cursor: FrameCursor): boolean {
  const { codec, window, position } = cursor
  const last = window.fileLength - FRAME_HEADER_BYTES
  if (position > last) return false
  const chain = copyOut(kernel.u8, window.at(position, FRAME_HEADER_BYTES) + FRAME_CHAIN, CHAIN_BYTES)
  for (let at = position; at <= last; at += 8) {
    const header = window.at(at, FRAME_HEADER_BYTES)
    if (!codec.isPlausible(header, at) || !codec.isHeaderIntact(header, at)) continue
    const next = at === position ? at + frameBytes(codec.payloadLength(header)) : at
    if (next > last) return false
    cursor.resume(next, chain)
    return true
  }
  return false
}
