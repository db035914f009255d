/** Encoded write entries and an obvious memtable to compare with, for kernel tests. */
import fc from 'fast-check'
import {
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  INLINE_VALUE_LIMIT_BYTES,
  STATUS_FOREIGN,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_OK,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'

export interface WriteEntry {
  type: number
  keyspace: number
  key: Uint8Array
  value: Uint8Array
}

/** What a memtable holds, in internal-key order. */
export interface StoredEntry {
  key: Uint8Array
  trailer: bigint
  value: Uint8Array
}

const none = new Uint8Array(0)

export function put(key: Uint8Array | string, value: Uint8Array | string = none, keyspace = 1): WriteEntry {
  return { type: TYPE_VALUE, keyspace, key: bytes(key), value: bytes(value) }
}

export function tombstone(key: Uint8Array | string, keyspace = 1): WriteEntry {
  return { type: TYPE_TOMBSTONE, keyspace, key: bytes(key), value: none }
}

export function bytes(text: Uint8Array | string): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text
}

export function encode(entries: readonly WriteEntry[]): Uint8Array {
  const size = entries.reduce((sum, e) => sum + ENTRY_HEADER_BYTES + e.key.length + e.value.length, 0)
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  let at = 0
  for (const entry of entries) {
    view.setUint32(at + ENTRY_VALUE_LENGTH, entry.value.length, true)
    view.setUint16(at + ENTRY_KEY_LENGTH, entry.key.length, true)
    view.setUint8(at + ENTRY_TYPE, entry.type)
    view.setUint32(at + ENTRY_KEYSPACE, entry.keyspace, true)
    out.set(entry.key, at + ENTRY_HEADER_BYTES)
    out.set(entry.value, at + ENTRY_HEADER_BYTES + entry.key.length)
    at += ENTRY_HEADER_BYTES + entry.key.length + entry.value.length
  }
  return out
}

export function compareStored(a: StoredEntry, b: StoredEntry): number {
  return Buffer.compare(a.key, b.key) || (a.trailer > b.trailer ? -1 : a.trailer < b.trailer ? 1 : 0)
}

/** What applyEntries must do with any bytes, written without regard to speed. */
export function applyOracle(
  encoded: Uint8Array,
  keyspace: number,
  groupSeqno: bigint,
  groupEnd: bigint,
  flushedSeqno: bigint,
  hasMemtable: boolean,
): { status: number; position: number; count: number; inserted: StoredEntry[] } {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.length)
  const inserted: StoredEntry[] = []
  let position = 0
  let count = 0
  const stop = (status: number): ReturnType<typeof applyOracle> => ({ status, position, count, inserted })
  while (position < encoded.length) {
    if (encoded.length - position < ENTRY_HEADER_BYTES) return stop(STATUS_MALFORMED)
    const valueLength = view.getUint32(position + ENTRY_VALUE_LENGTH, true)
    const keyLength = view.getUint16(position + ENTRY_KEY_LENGTH, true)
    const type = view.getUint8(position + ENTRY_TYPE)
    const next = position + ENTRY_HEADER_BYTES + keyLength + valueLength
    const isTombstone = type === TYPE_TOMBSTONE || type === TYPE_WEAK_TOMBSTONE
    if (next > encoded.length) return stop(STATUS_MALFORMED)
    if (view.getUint8(position + ENTRY_TYPE + 1) !== 0) return stop(STATUS_MALFORMED)
    if (type !== TYPE_VALUE && !isTombstone) return stop(STATUS_MALFORMED)
    if (isTombstone && valueLength > 0) return stop(STATUS_MALFORMED)
    const seqno = groupSeqno + BigInt(count)
    if (seqno >= groupEnd) return stop(STATUS_MALFORMED)
    if (view.getUint32(position + ENTRY_KEYSPACE, true) !== keyspace) return stop(STATUS_FOREIGN)
    if (hasMemtable && seqno >= flushedSeqno) {
      if (valueLength >= INLINE_VALUE_LIMIT_BYTES) return stop(STATUS_LARGE)
      const key = position + ENTRY_HEADER_BYTES
      inserted.push({
        key: encoded.slice(key, key + keyLength),
        trailer: (seqno << 8n) | BigInt(type),
        value: encoded.slice(key + keyLength, next),
      })
    }
    count++
    position = next
  }
  return stop(STATUS_OK)
}

// ── arbitraries ──────────────────────────────────────────────────────────────────────────────────────────

/** Keys that share prefixes, repeat, run on 0xFF, differ around word sizes, or are empty. */
export const anyKey: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 3 }) },
  { weight: 4, arbitrary: fc.nat({ max: 300 }).map((n) => bytes(String(n).padStart(16, '0'))) },
  {
    weight: 2,
    arbitrary: fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 20 }).map((a) => Uint8Array.from(a)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(7, 8, 9, 15, 16, 17, 31, 32, 33, 64), fc.uint8Array({ maxLength: 2 }))
      .map(([length, suffix]) => Uint8Array.from([...new Uint8Array(length).fill(0x61), ...suffix])),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(300, 4000, 65535), fc.constantFrom(0, 0xff), fc.nat({ max: 2 }))
      .map(([length, fill, last]) => {
        const key = new Uint8Array(length).fill(fill)
        key[length - 1] = last
        return key
      }),
  },
)

export const anyValue: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 1, 511, 512, 513, 32766, 32767), fc.nat({ max: 255 }))
      .map(([length, fill]) => new Uint8Array(length).fill(fill)),
  },
)

export const anyWrite: fc.Arbitrary<WriteEntry> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(anyKey, anyValue).map(([key, value]) => put(key, value)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyKey, fc.constantFrom(TYPE_TOMBSTONE, TYPE_WEAK_TOMBSTONE))
      .map(([key, type]) => ({ ...tombstone(key), type })),
  },
)
