import { copyBytes, loadU32, loadU64, loadV128, storeU32, storeU64, storeV128 } from '../memory/bytes'
import { HASH_SECRET } from '../memory/layout'
import {
  BLOCK_STRIPES,
  SHORT_INPUT_BYTES,
  STRIPE_BYTES,
  accumulate,
  finishLanes,
  initialLanes01,
  initialLanes23,
  initialLanes45,
  initialLanes67,
  scramble,
  xxh3With,
} from './xxh3'

/**
 * XXH3-64 of input that comes in pieces. The state is a record of HASH_STATE_BYTES that the caller keeps:
 *
 *   lanes 64 B | buffer 256 B | u64 total length | u32 bytes in the buffer | u32 stripes in the current block | scratch 64 B
 *
 * INVARIANT: the buffer's content has not gone into the lanes; after the first input it is never empty, so the last stripe is
 * known only at the end. Once lanes are in use, the buffer's last 64 bytes are the input before its content, until it
 * overwrites them: with fewer than 64 bytes buffered the last stripe begins there.
 */
const LANES: u32 = 0
const BUFFER: u32 = 64
const TOTAL: u32 = 320
const BUFFERED: u32 = 328
const BLOCK_POSITION: u32 = 332
const SCRATCH: u32 = 336
const BUFFER_BYTES: u32 = 256
const BUFFER_STRIPES: u32 = 4

export function hashBegin(state: u32): void {
  storeV128(state + LANES, initialLanes01())
  storeV128(state + LANES + 16, initialLanes23())
  storeV128(state + LANES + 32, initialLanes45())
  storeV128(state + LANES + 48, initialLanes67())
  storeU64(state + TOTAL, 0)
  storeU32(state + BUFFERED, 0)
  storeU32(state + BLOCK_POSITION, 0)
}

export function hashUpdate(state: u32, p: u32, length: u32): void {
  hashUpdateWith(state, p, length, HASH_SECRET)
}

/** The hash of all input since hashBegin; more input may follow. */
export function hashFinish(state: u32, result: u32): void {
  storeU64(result, hashFinishWith(state, HASH_SECRET))
}

/** The same with the secret that lies at `secret`; one for all input. */
export function hashUpdateWith(state: u32, p: u32, length: u32, secret: u32): void {
  const buffer = state + BUFFER
  const buffered = loadU32(state + BUFFERED)
  storeU64(state + TOTAL, loadU64(state + TOTAL) + length)
  const room = BUFFER_BYTES - buffered
  if (length <= room) {
    copyBytes(buffer + buffered, p, length)
    storeU32(state + BUFFERED, buffered + length)
    return
  }
  if (buffered > 0) {
    copyBytes(buffer + buffered, p, room)
    p += room
    length -= room
    consume(state, buffer, BUFFER_STRIPES, secret)
  }
  if (length > BUFFER_BYTES) {
    const stripes = (length - 1) / STRIPE_BYTES
    const bytes = stripes * STRIPE_BYTES
    consume(state, p, stripes, secret)
    p += bytes
    length -= bytes
    copyBytes(buffer + (BUFFER_BYTES - STRIPE_BYTES), p - STRIPE_BYTES, STRIPE_BYTES)
  }
  copyBytes(buffer, p, length)
  storeU32(state + BUFFERED, length)
}

export function hashFinishWith(state: u32, secret: u32): u64 {
  const buffer = state + BUFFER
  const buffered = loadU32(state + BUFFERED)
  const total = loadU64(state + TOTAL)
  if (total <= SHORT_INPUT_BYTES) return xxh3With(buffer, buffered, secret)
  // The lanes are kept: stripes that go in here are only a look ahead.
  const lanes01 = loadV128(state + LANES)
  const lanes23 = loadV128(state + LANES + 16)
  const lanes45 = loadV128(state + LANES + 32)
  const lanes67 = loadV128(state + LANES + 48)
  const position = loadU32(state + BLOCK_POSITION)
  let last = state + SCRATCH
  if (buffered >= STRIPE_BYTES) {
    consume(state, buffer, (buffered - 1) / STRIPE_BYTES, secret)
    last = buffer + (buffered - STRIPE_BYTES)
  } else {
    const missing = STRIPE_BYTES - buffered
    copyBytes(last, buffer + (BUFFER_BYTES - missing), missing)
    copyBytes(last + missing, buffer, buffered)
  }
  const hash = finishLanes(
    loadV128(state + LANES),
    loadV128(state + LANES + 16),
    loadV128(state + LANES + 32),
    loadV128(state + LANES + 48),
    last,
    total,
    secret,
  )
  storeV128(state + LANES, lanes01)
  storeV128(state + LANES + 16, lanes23)
  storeV128(state + LANES + 32, lanes45)
  storeV128(state + LANES + 48, lanes67)
  storeU32(state + BLOCK_POSITION, position)
  return hash
}

/** Takes `stripes` stripes from p into the lanes. */
function consume(state: u32, p: u32, stripes: u32, secret: u32): void {
  let a = loadV128(state + LANES)
  let b = loadV128(state + LANES + 16)
  let c = loadV128(state + LANES + 32)
  let d = loadV128(state + LANES + 48)
  let position = loadU32(state + BLOCK_POSITION)
  for (; stripes > 0; stripes--) {
    const at = secret + (position << 3)
    a = accumulate(a, p, at)
    b = accumulate(b, p + 16, at + 16)
    c = accumulate(c, p + 32, at + 32)
    d = accumulate(d, p + 48, at + 48)
    p += STRIPE_BYTES
    if (++position == BLOCK_STRIPES) {
      position = 0
      a = scramble(a, secret)
      b = scramble(b, secret + 16)
      c = scramble(c, secret + 32)
      d = scramble(d, secret + 48)
    }
  }
  storeV128(state + LANES, a)
  storeV128(state + LANES + 16, b)
  storeV128(state + LANES + 32, c)
  storeV128(state + LANES + 48, d)
  storeU32(state + BLOCK_POSITION, position)
}
