import {
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  CHAIN_DATA,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  PAGE_BYTES,
  SLOT_GROUP_SEQNO,
  SLOT_POSITION,
  STATUS_FOREIGN,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_NO_PAGES,
  STATUS_OK,
  TYPE_VALUE,
} from '../../assembly/memory/layout.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'

/** Where the entries of a keyspace go. */
export interface ApplyTarget {
  /** Memtable, or 0 to count the entries without inserting them. */
  readonly memtable: number
  /** Entries with a smaller seqno are counted, not inserted. */
  readonly flushedSeqno: number
}

/** Entries that do not add up: impossible in what we encoded, CORRUPT in what we read. */
export class MalformedEntries extends Error {
  /** Offset of the entry in the payload. */
  readonly at: number

  constructor(at: number) {
    super(`entry at ${at} does not add up`)
    this.at = at
  }
}

/**
 * Inserts the encoded entries in bytes[start, end) of JavaScript memory, giving them the seqnos of the slot's group: page by page,
 * keyspace by keyspace, values of INLINE_VALUE_LIMIT_BYTES and more through page chains.
 * INVARIANT: the pages needed are free (a live group), or nobody minds a partial application (replay fails as a whole).
 * @throws MalformedEntries, NO_MEMORY
 */
export function applyPayload(
  kernel: Kernel,
  page: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  targetOf: (keyspaceId: number) => ApplyTarget,
): void {
  const { exports, slot, u8 } = kernel
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = start
  let keyspaceId = -1
  let target: ApplyTarget = { memtable: 0, flushedSeqno: 0 }
  while (at < end) {
    if (end - at < ENTRY_HEADER_BYTES) throw new MalformedEntries(at - start)
    const filled = Math.min(PAGE_BYTES, end - at)
    u8.set(bytes.subarray(at, at + filled), page)
    let done = 0
    for (;;) {
      const entry = at + done
      if (end - entry < ENTRY_HEADER_BYTES) {
        if (entry === end) break
        throw new MalformedEntries(entry - start)
      }
      const id = view.getUint32(entry + ENTRY_KEYSPACE, true)
      if (id !== keyspaceId) {
        target = targetOf(id)
        keyspaceId = id
      }
      const status = exports.applyEntries(
        slot,
        target.memtable,
        page + done,
        page + filled,
        keyspaceId,
        target.flushedSeqno,
      )
      done = kernel.word(SLOT_POSITION) - page
      if (status === STATUS_OK) break
      if (status === STATUS_FOREIGN) continue
      if (status === STATUS_NO_PAGES) throw noPages()
      const needed = entryBytes(view, at + done, end)
      if (status === STATUS_LARGE || (status === STATUS_MALFORMED && done === 0 && needed > PAGE_BYTES)) {
        if (needed > end - (at + done)) throw new MalformedEntries(at + done - start)
        applyLargeEntry(kernel, bytes, view, at + done, target)
        done += needed
        if (done >= filled) break
        continue
      }
      // NOTE: an entry cut off by the end of the page is no damage: the next round copies it whole.
      if (status === STATUS_MALFORMED && done > 0 && done + needed > filled && needed <= end - (at + done))
        break
      throw new MalformedEntries(at + done - start)
    }
    at += done
  }
}

/** Bytes of the entry at `at`; more than there can be when its header is cut off. */
export function entryBytes(view: DataView, at: number, end: number): number {
  if (end - at < ENTRY_HEADER_BYTES) return Infinity
  return (
    ENTRY_HEADER_BYTES +
    view.getUint16(at + ENTRY_KEY_LENGTH, true) +
    view.getUint32(at + ENTRY_VALUE_LENGTH, true)
  )
}

function applyLargeEntry(
  kernel: Kernel,
  bytes: Uint8Array,
  view: DataView,
  at: number,
  target: ApplyTarget,
): void {
  const { exports, slot, u8, u32, input } = kernel
  const keyLength = view.getUint16(at + ENTRY_KEY_LENGTH, true)
  const valueLength = view.getUint32(at + ENTRY_VALUE_LENGTH, true)
  const keyAt = at + ENTRY_HEADER_BYTES
  if (view.getUint16(at + ENTRY_TYPE, true) !== TYPE_VALUE) throw new MalformedEntries(at)
  if (target.memtable === 0 || kernel.seqno(SLOT_GROUP_SEQNO) < target.flushedSeqno) {
    exports.skipEntry(slot)
    return
  }
  u8.set(bytes.subarray(keyAt, keyAt + keyLength), input)
  const chain = exports.allocateChain(valueLength) >>> 0
  if (chain === 0) throw noPages()
  let from = keyAt + keyLength
  for (let page = chain; page !== 0; page = u32[(page + CHAIN_NEXT) >>> 2] as number) {
    const length = u32[(page + CHAIN_LENGTH) >>> 2] as number
    u8.set(bytes.subarray(from, from + length), page + CHAIN_DATA)
    from += length
  }
  const status = exports.applyLarge(slot, target.memtable, input, keyLength, chain, valueLength)
  if (status === STATUS_OK) return
  exports.freeChain(chain)
  if (status === STATUS_NO_PAGES) throw noPages()
  throw new MalformedEntries(at)
}
