import { compareBytes } from '../key/compare'
import { loadU32, storeU32 } from '../memory/bytes'
import { NO_KEY } from '../read/merge-page'
import { CURSOR_REST, CURSOR_REST_LENGTH } from '../table/block-entry'
import {
  currentEntry,
  STREAM_EXCLUDED,
  STREAM_EXCLUDES,
  STREAM_EXCLUDE_FROM,
  STREAM_EXCLUDE_FROM_LENGTH,
  STREAM_EXCLUDE_TO,
  STREAM_EXCLUDE_TO_LENGTH,
} from './stream-page'

/** A range of user keys that a stream leaves out, whatever else is kept: what dropRange takes from tables at its edges. */

/** KernelExports.streamExclude. */
export function streamExclude(stream: u32, from: u32, fromLength: u32, to: u32, toLength: u32): void {
  storeU32(stream + STREAM_EXCLUDES, 1)
  storeU32(stream + STREAM_EXCLUDE_FROM, from)
  storeU32(stream + STREAM_EXCLUDE_FROM_LENGTH, fromLength)
  storeU32(stream + STREAM_EXCLUDE_TO, to)
  storeU32(stream + STREAM_EXCLUDE_TO_LENGTH, toLength)
}

/** Notes whether the current user key is to be left out. */
export function noteExclusion(stream: u32): void {
  if (loadU32(stream + STREAM_EXCLUDES) != 0) storeU32(stream + STREAM_EXCLUDED, isExcluded(stream) ? 1 : 0)
}

function isExcluded(stream: u32): bool {
  const entry = currentEntry(stream)
  const key = loadU32(entry + CURSOR_REST)
  const keyLength = loadU32(entry + CURSOR_REST_LENGTH)
  const fromLength = loadU32(stream + STREAM_EXCLUDE_FROM_LENGTH)
  const toLength = loadU32(stream + STREAM_EXCLUDE_TO_LENGTH)
  return (
    (fromLength == NO_KEY ||
      compareBytes(key, keyLength, loadU32(stream + STREAM_EXCLUDE_FROM), fromLength) >= 0) &&
    (toLength == NO_KEY || compareBytes(key, keyLength, loadU32(stream + STREAM_EXCLUDE_TO), toLength) < 0)
  )
}
