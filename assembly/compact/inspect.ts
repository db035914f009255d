import { keyHash } from '../key/hash'
import { trailerSeqno, trailerType } from '../key/internal-key'
import { loadF64, loadU32, loadU64, storeF64, storeU32 } from '../memory/bytes'
import {
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_POSITION,
  STATUS_ABSENT,
  STATUS_FOREIGN,
  STATUS_FOUND,
  STATUS_LARGE,
  STATUS_OK,
  STREAM_HIDDEN,
  STREAM_HIGHEST_SEQNO,
  STREAM_LOWEST_SEQNO,
  STREAM_TOMBSTONES,
  TYPE_EXTENT,
} from '../memory/layout'
import { askFilter } from '../read/table-filter'
import {
  CURSOR_REST,
  CURSOR_REST_LENGTH,
  CURSOR_TRAILER,
  CURSOR_VALUE,
  CURSOR_VALUE_LENGTH,
} from '../table/block-entry'
import { isTombstone } from './drop'
import { streamNext, streamTake } from './stream-next'
import {
  currentEntry,
  STREAM_FIRST_VERSION,
  STREAM_LARGE_SHOWN,
  STREAM_NEWER_SOURCE,
  STREAM_SOURCE,
} from './stream-page'

/** KernelExports.streamInspect. */
export function streamInspect(slot: u32, stream: u32, table: u32, maxEntries: u32): u32 {
  for (let passed: u32 = 0; passed < maxEntries; passed++) {
    let status = streamNext(slot, stream)
    if (status != STATUS_OK) return status
    const entry = currentEntry(stream)
    const key = loadU32(entry + CURSOR_REST)
    const keyLength = loadU32(entry + CURSOR_REST_LENGTH)
    const trailer = loadU64(entry + CURSOR_TRAILER)
    const isFirst = loadU32(stream + STREAM_FIRST_VERSION) != 0
    const source = loadU32(stream + STREAM_SOURCE)
    if (!isFirst && source < loadU32(stream + STREAM_NEWER_SOURCE)) {
      storeU32(slot + SLOT_POINTER, key)
      storeU32(slot + SLOT_LENGTH, keyLength)
      storeU32(slot + SLOT_POSITION, source)
      return STATUS_FOREIGN
    }
    if (table != 0) {
      if (isFirst) {
        status = askFilter(slot, table, keyHash(key, keyLength))
        if (status == STATUS_ABSENT) {
          storeU32(slot + SLOT_POINTER, key)
          storeU32(slot + SLOT_LENGTH, keyLength)
        }
        if (status != STATUS_FOUND) return status
      }
      if (trailerType(trailer) == TYPE_EXTENT && loadU32(stream + STREAM_LARGE_SHOWN) == 0) {
        storeU32(stream + STREAM_LARGE_SHOWN, 1)
        storeU32(slot + SLOT_POINTER, loadU32(entry + CURSOR_VALUE))
        storeU32(slot + SLOT_LENGTH, loadU32(entry + CURSOR_VALUE_LENGTH))
        return STATUS_LARGE
      }
      storeU32(stream + STREAM_LARGE_SHOWN, 0)
    }
    count(stream, trailer, isFirst)
    storeU32(stream + STREAM_NEWER_SOURCE, source)
    streamTake(stream)
  }
  return STATUS_OK
}

// @ts-ignore: decorator
@inline
function count(stream: u32, trailer: u64, isFirst: bool): void {
  const seqno = <f64>trailerSeqno(trailer)
  const lowest = loadF64(stream + STREAM_LOWEST_SEQNO)
  if (lowest == 0 || seqno < lowest) storeF64(stream + STREAM_LOWEST_SEQNO, seqno)
  if (seqno > loadF64(stream + STREAM_HIGHEST_SEQNO)) storeF64(stream + STREAM_HIGHEST_SEQNO, seqno)
  if (isTombstone(trailer)) storeF64(stream + STREAM_TOMBSTONES, loadF64(stream + STREAM_TOMBSTONES) + 1)
  if (!isFirst) storeF64(stream + STREAM_HIDDEN, loadF64(stream + STREAM_HIDDEN) + 1)
}
