import { CACHE_PINS, CONTROL_CACHE, PAGE_BYTES, PAGE_SHIFT } from '../memory/layout'
import {
  atomicAddU32,
  atomicLoadU32,
  atomicStoreU32,
  loadU32,
  loadU64,
  loadU8,
  storeU32,
  storeU64,
  storeU8,
} from '../memory/bytes'

/**
 * A page of the block cache: frames one behind the other, each a block's payload with a header behind it. Frames are only added at the end,
 * and go with their page.
 *
 *   page:  u32 next newer page of its queue | u32 bytes used | 24 unused │ frames …
 *   frame: u32 frame bytes | 12 unused │ payload, padded to 16 │ u32 next frame of its bucket | u32 table ordinal | u64 offset of the block
 *          │ u32 payload length | u8 kind | u8 frequency | u16 zero | u32 frame bytes | u32 zero
 *
 * A frame is named by the address of its header, its `room` is all of it. NOTE: a block is read from its end, where the trailer and the hash index are; so the
 * header is in the same or the next line.
 *
 * How often a page is pinned stands beside those of all other pages (CACHE_PINS). NOTE: not in the page: words at the same place of many pages meet in the same few
 * lines of a processor's cache, and each read would miss one.
 *
 * 16 bytes past a payload can be read.
 */
const PAGE_NEXT: u32 = 0
const PAGE_USED: u32 = 4
export const PAGE_FRAMES: u32 = 32

const FRAME_NEXT: u32 = 0
const FRAME_ORDINAL: u32 = 4
const FRAME_OFFSET: u32 = 8
const FRAME_LENGTH: u32 = 16
const FRAME_KIND: u32 = 20
const FRAME_FREQUENCY: u32 = 21
const FRAME_SIZE: u32 = 24
const FRAME_HEADER_BYTES: u32 = 32
const ROOM_SIZE: u32 = 0
const ROOM_PAYLOAD: u32 = 16

/** Uses that a frame remembers. */
const FREQUENCY_MAX: u32 = 3
/** In the place of the uses: it was just loaded, and whoever asked for it comes to fetch it. */
const FREQUENCY_FRESH: u32 = 255

// ── page ─────────────────────────────────────────────────────────────────────────────────────────────────

export function pageReset(page: u32): void {
  storeU32(page + PAGE_NEXT, 0)
  storeU32(page + PAGE_USED, PAGE_FRAMES)
  atomicStoreU32(pinsOf(page), 0)
}

// @ts-ignore: decorator
@inline
export function pageNext(page: u32): u32 {
  return loadU32(page + PAGE_NEXT)
}

// @ts-ignore: decorator
@inline
export function setPageNext(page: u32, next: u32): void {
  storeU32(page + PAGE_NEXT, next)
}

/** Where its frames end. */
// @ts-ignore: decorator
@inline
export function pageEnd(page: u32): u32 {
  return page + loadU32(page + PAGE_USED)
}

// @ts-ignore: decorator
@inline
export function setPageEnd(page: u32, end: u32): void {
  storeU32(page + PAGE_USED, end - page)
}

// @ts-ignore: decorator
@inline
export function isPageEmpty(page: u32): bool {
  return loadU32(page + PAGE_USED) == PAGE_FRAMES
}

// @ts-ignore: decorator
@inline
export function isPagePinned(page: u32): bool {
  return atomicLoadU32(pinsOf(page)) != 0
}

/** Adds a room of `size` bytes. @returns where, or 0 if the page has no space for it. */
export function pageReserve(page: u32, size: u32): u32 {
  const used = loadU32(page + PAGE_USED)
  if (size > PAGE_BYTES - used) return 0
  storeU32(page + PAGE_USED, used + size)
  return page + used
}

/** The counter of the page in which `p` lies. */
// @ts-ignore: decorator
@inline
function pinsOf(p: u32): u32 {
  return loadU32(CONTROL_CACHE + CACHE_PINS) + 4 * (p >>> PAGE_SHIFT)
}

// ── frame ────────────────────────────────────────────────────────────────────────────────────────────────

/** Bytes of the frame of a payload. */
// @ts-ignore: decorator
@inline
export function frameBytes(length: u32): u32 {
  return ROOM_PAYLOAD + padded(length) + FRAME_HEADER_BYTES
}

// @ts-ignore: decorator
@inline
function padded(length: u32): u32 {
  return (length + 15) & ~15
}

/** The frame in a room. */
// @ts-ignore: decorator
@inline
export function frameIn(room: u32): u32 {
  return room + loadU32(room + ROOM_SIZE) - FRAME_HEADER_BYTES
}

/** The room of a frame. */
// @ts-ignore: decorator
@inline
export function frameRoom(frame: u32): u32 {
  return frame + FRAME_HEADER_BYTES - frameSize(frame)
}

/** Makes a room of frameBytes(length) a frame. */
export function frameCreate(room: u32, next: u32, ordinal: u32, offset: u64, kind: u32, length: u32): u32 {
  const size = frameBytes(length)
  storeU32(room + ROOM_SIZE, size)
  const frame = frameIn(room)
  storeU32(frame + FRAME_NEXT, next)
  storeU32(frame + FRAME_ORDINAL, ordinal)
  storeU64(frame + FRAME_OFFSET, offset)
  storeU32(frame + FRAME_LENGTH, length)
  storeU32(frame + FRAME_KIND, kind | (FREQUENCY_FRESH << 8))
  storeU32(frame + FRAME_SIZE, size)
  return frame
}

// @ts-ignore: decorator
@inline
export function frameNext(frame: u32): u32 {
  return loadU32(frame + FRAME_NEXT)
}

// @ts-ignore: decorator
@inline
export function setFrameNext(frame: u32, next: u32): void {
  storeU32(frame + FRAME_NEXT, next)
}

/** Address of the word that names the next frame of the bucket, as of a bucket's own word. */
// @ts-ignore: decorator
@inline
export function frameLink(frame: u32): u32 {
  return frame + FRAME_NEXT
}

// @ts-ignore: decorator
@inline
export function frameOrdinal(frame: u32): u32 {
  return loadU32(frame + FRAME_ORDINAL)
}

// @ts-ignore: decorator
@inline
export function frameOffset(frame: u32): u64 {
  return loadU64(frame + FRAME_OFFSET)
}

// @ts-ignore: decorator
@inline
export function frameSize(frame: u32): u32 {
  return loadU32(frame + FRAME_SIZE)
}

/** The block's payload. */
// @ts-ignore: decorator
@inline
export function framePayload(frame: u32): u32 {
  return frame - padded(frameLength(frame))
}

/** Length of the block's payload. */
// @ts-ignore: decorator
@inline
export function frameLength(frame: u32): u32 {
  return loadU32(frame + FRAME_LENGTH)
}

// @ts-ignore: decorator
@inline
export function frameFrequency(frame: u32): u32 {
  const frequency = loadU8(frame + FRAME_FREQUENCY)
  return frequency == FREQUENCY_FRESH ? 0 : frequency
}

// @ts-ignore: decorator
@inline
export function setFrameFrequency(frame: u32, frequency: u32): void {
  storeU8(frame + FRAME_FREQUENCY, frequency)
}

/** Counts a use. */
// @ts-ignore: decorator
@inline
export function frameTouch(frame: u32): void {
  const frequency = loadU8(frame + FRAME_FREQUENCY)
  if (frequency < FREQUENCY_MAX) setFrameFrequency(frame, frequency + 1)
}

/** Whether this is the fetch that the frame was loaded for, which is no use; the next one is. */
// @ts-ignore: decorator
@inline
export function frameFetch(frame: u32): bool {
  if (loadU8(frame + FRAME_FREQUENCY) != FREQUENCY_FRESH) return false
  setFrameFrequency(frame, 0)
  return true
}

/** INVARIANT: the frame's shard is locked, so that its page cannot go meanwhile. */
// @ts-ignore: decorator
@inline
export function framePin(frame: u32): void {
  atomicAddU32(pinsOf(frame), 1)
}

/** Lets the frame go. INVARIANT: pinned by the caller, who does not read it any more. */
// @ts-ignore: decorator
@inline
export function frameUnpin(frame: u32): void {
  // ORDER: pairs with isPagePinned under the shard's lock: all reads of the frame lie before this.
  atomicAddU32(pinsOf(frame), -1)
}
