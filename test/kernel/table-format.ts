/**
 * A second reading of docs/table-format.md for kernel tests: blocks, entries and whole tables in plain JavaScript, as strict
 * as the page and without regard to speed. It shares nothing with the kernel but the names of constants.
 */
import { createXXHash3, type IHasher } from 'hash-wasm'
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  TYPE_EXTENT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { decompressBlock } from './lz4js.ts'

export interface TableEntry {
  key: Uint8Array
  type: number
  seqno: bigint
  /** The value part as it lies in the block. */
  value: Uint8Array
}

export interface ExtentList {
  valueLength: number
  offset: number
  sizes: number[]
}

export interface TableBlock {
  kind: number
  offset: number
  size: number
  /** Raw. */
  payload: Uint8Array
  isCompressed: boolean
}

const hasher: IHasher = await createXXHash3(0, 0)

export function xxh3(...parts: Uint8Array[]): bigint {
  hasher.init()
  for (const part of parts) hasher.update(part)
  return BigInt(`0x${hasher.digest('hex')}`)
}

export function mixedChecksum(bytes: Uint8Array, kind: number, salt: Uint8Array, offset: number): bigint {
  const place = new DataView(new ArrayBuffer(16))
  place.setBigUint64(0, BigInt(offset), true)
  place.setBigUint64(8, BigInt(kind), true)
  return xxh3(bytes) ^ xxh3(salt, new Uint8Array(place.buffer))
}

export const compareKeys = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)

/** Internal-key order: user key ascending, then seqno << 8 | type descending. */
export function compareEntries(a: TableEntry, b: TableEntry): number {
  return compareKeys(a.key, b.key) || Number(trailerOf(b) - trailerOf(a))
}

export const trailerOf = ({ seqno, type }: TableEntry): bigint => (seqno << 8n) | BigInt(type)

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`not a table: ${rule}`)
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────

class Reader {
  readonly bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  u8(): number {
    must(this.at < this.bytes.length, 'a byte is missing')
    return this.bytes[this.at++] as number
  }

  varint(bits: number): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.u8()
      value |= BigInt(byte & 127) << shift
      must(value < 1n << BigInt(bits), 'a varint is too large')
      if (byte >= 128) continue
      must(byte !== 0 || shift === 0n, 'a varint is not in its shortest form')
      return value
    }
  }

  varint32(): number {
    return Number(this.varint(32))
  }

  take(length: number): Uint8Array {
    must(length <= this.bytes.length - this.at, 'a length goes past the end')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  end(): void {
    must(this.at === this.bytes.length, 'something is left over')
  }
}

export function readHandle(bytes: Uint8Array): { offset: number; size: number } {
  const reader = new Reader(bytes)
  const offset = Number(reader.varint(64))
  const size = reader.varint32()
  reader.end()
  must(size > 24 && size <= 131072, 'the size of a block')
  return { offset, size }
}

export function readExtentList(bytes: Uint8Array): ExtentList {
  const reader = new Reader(bytes)
  const valueLength = reader.varint32()
  const offset = Number(reader.varint(64))
  const count = reader.varint32()
  must(count >= 1 && count <= 4096, 'the number of extents')
  const sizes = Array.from({ length: count }, () => reader.varint32())
  reader.end()
  must(valueLength >= 32768, 'an extent list of a short value')
  for (const size of sizes) must(size > 24 && size <= 131072, 'the size of an extent')
  const stored = sizes.reduce((sum, size) => sum + size - 24, 0)
  must(valueLength >= stored && valueLength <= 255 * stored, 'extents cannot hold the value')
  must(valueLength <= 131048 * count, 'extents are too few for the value')
  return { valueLength, offset, sizes }
}

/** Entries of a data or index block's payload. `offset`: of the block. @throws if a rule is broken */
export function readEntries(payload: Uint8Array, isIndex: boolean, offset: number): TableEntry[] {
  must(payload.length >= 32, 'no room for a trailer')
  const trailer = viewOf(payload.subarray(payload.length - 32))
  const base = trailer.getBigUint64(0, true)
  const count = trailer.getUint32(8, true)
  const restarts = trailer.getUint32(12, true)
  const entriesEnd = trailer.getUint32(16, true)
  const interval = trailer.getUint8(28)
  const width = trailer.getUint8(29) === 1 ? 4 : 2
  const hashIndexAt = trailer.getUint32(20, true)
  const buckets = trailer.getUint32(24, true)
  must(!isIndex || buckets === 0, 'hash index of an index block')
  must(trailer.getUint8(29) <= 1 && trailer.getUint16(30, true) === 0, 'flags')
  must(count >= 1 && interval >= 1 && restarts === Math.ceil(count / interval), 'counts')
  must((width === 4) === entriesEnd > 65535, 'width of restart offsets')
  const restartsEnd = entriesEnd + restarts * width
  must(restartsEnd + buckets + 32 === payload.length, 'lengths of the parts')
  must(hashIndexAt === (buckets === 0 ? 0 : restartsEnd) && (buckets === 0 || restarts <= 253), 'hash index')

  const array = viewOf(payload.subarray(entriesEnd))
  const reader = new Reader(payload.subarray(0, entriesEnd))
  const entries: TableEntry[] = []
  let head: Uint8Array = new Uint8Array(0)
  let handlesEnd = 0
  for (let i = 0; i < count; i++) {
    const at = reader.at
    const type = reader.u8()
    const [shared, rest, valueLength] = [reader.varint32(), reader.varint32(), reader.varint32()]
    const seqno = base + reader.varint(64)
    must(seqno < 1n << 53n, 'seqno')
    const isHead = i % interval === 0
    if (isHead) {
      const restart = (i / interval) * width
      must(
        (width === 4 ? array.getUint32(restart, true) : array.getUint16(restart, true)) === at,
        'restart offset',
      )
      must(shared === 0, 'a head shares')
    }
    must(shared <= head.length, 'more is shared than there is')
    const suffix = reader.take(rest)
    const key = Uint8Array.from(Buffer.concat([head.subarray(0, shared), suffix]))
    must(key.length <= 65535, 'key length')
    must(isHead || shared === head.length || suffix[0] !== head[shared], 'shared is not the longest prefix')
    if (isHead) head = key
    const value = reader.take(valueLength)
    const entry = { key, type, seqno, value }
    const before = entries.at(-1)
    must(!before || compareEntries(before, entry) < 0, 'order')
    entries.push(entry)

    must(
      isIndex
        ? type === TYPE_VALUE
        : [TYPE_VALUE, TYPE_TOMBSTONE, TYPE_WEAK_TOMBSTONE, TYPE_EXTENT].includes(type),
      'type',
    )
    if (isIndex) {
      const handle = readHandle(value)
      must(handle.offset >= handlesEnd && handle.offset + handle.size <= offset, 'a handle points elsewhere')
      handlesEnd = handle.offset + handle.size
    } else if (type === TYPE_VALUE) {
      must(valueLength < 32768, 'an inline value is too long')
    } else if (type === TYPE_EXTENT) {
      const list = readExtentList(value)
      must(
        list.offset + list.sizes.reduce((sum, size) => sum + size, 0) <= offset,
        'extents behind their entry',
      )
    } else {
      must(valueLength === 0, 'a tombstone with a value')
    }
  }
  reader.end()
  const lowest = entries.reduce((low, { seqno }) => (seqno < low ? seqno : low), 1n << 53n)
  must(isIndex ? base === 0n : base === lowest, 'base seqno')
  if (buckets > 0) {
    const made = hashIndex(entries, interval, buckets)
    must(Buffer.compare(made, payload.subarray(restartsEnd, restartsEnd + buckets)) === 0, 'hash index')
  }
  return entries
}

/** The hash index of a block: where all entries of each bucket are. */
export function hashIndex(entries: readonly TableEntry[], interval: number, buckets: number): Uint8Array {
  const index = new Uint8Array(buckets).fill(255)
  for (const [i, { key }] of entries.entries()) {
    const at = hashBucket(key, buckets)
    const where = Math.floor(i / interval)
    index[at] = index[at] === 255 || index[at] === where ? where : 254
  }
  return index
}

export function hashBucket(key: Uint8Array, buckets: number): number {
  return Number((((xxh3(key) >> 16n) & 0xffffffffn) * BigInt(buckets)) >> 32n)
}

/** A filter's lines, one behind the other, and its probes. */
export interface Filter {
  bytes: Uint8Array
  probes: number
}

/** The bits of a key, as positions in the filter. */
export function filterBits(key: Uint8Array, lines: number, probes: number): number[] {
  const hash = xxh3(key)
  const line = Number(((hash >> 32n) * BigInt(lines)) >> 32n)
  let x = hash & 0xffffffffn
  return Array.from({ length: probes }, () => {
    const bit = Number(x >> 23n)
    x = (x * 0x9e3779b9n) & 0xffffffffn
    return 512 * line + bit
  })
}

/** The filter that user keys make. */
export function writeFilter(keys: Iterable<Uint8Array>, lines: number, probes: number): Filter {
  const bytes = new Uint8Array(64 * lines)
  for (const key of keys) {
    for (const bit of filterBits(key, lines, probes))
      bytes[bit >> 3] = (bytes[bit >> 3] as number) | (1 << (bit & 7))
  }
  return { bytes, probes }
}

export function filterMayContain({ bytes, probes }: Filter, key: Uint8Array): boolean {
  const bits = filterBits(key, bytes.length / 64, probes)
  return bits.every((bit) => ((bytes[bit >> 3] as number) & (1 << (bit & 7))) !== 0)
}

/** The lines in the payload of a filter block. */
export function readLines(payload: Uint8Array): number {
  must(
    payload.length >= 64 && payload.length <= 32_768 && payload.length % 64 === 0,
    'lines of a filter block',
  )
  return payload.length / 64
}

/** The block that starts at `at` of `bytes`; `offset`: of bytes in the file. */
export function readBlock(bytes: Uint8Array, at: number, salt: Uint8Array, offset = 0): TableBlock {
  const view = viewOf(bytes)
  const kind = view.getUint8(at)
  const length = view.getUint32(at + 4, true)
  must(
    [BLOCK_DATA, BLOCK_INDEX, BLOCK_ROOT_INDEX, BLOCK_FILTER, BLOCK_PROPERTIES, BLOCK_EXTENT].includes(kind),
    'kind',
  )
  const compression = view.getUint8(at + 1)
  const rawLength = view.getUint32(at + 8, true)
  must(
    compression === 0 || (compression === 1 && [BLOCK_DATA, BLOCK_INDEX, BLOCK_EXTENT].includes(kind)),
    'compression',
  )
  must(view.getUint16(at + 2, true) === 0 && view.getUint32(at + 12, true) === 0, 'flags or zero')
  must(compression === 0 ? rawLength === length : length < rawLength && rawLength <= 131048, 'raw length')
  must(length + 24 <= 131072 && at + length + 24 <= bytes.length, 'block length')
  const checksum = view.getBigUint64(at + 16 + length, true)
  must(mixedChecksum(bytes.subarray(at, at + 16 + length), kind, salt, offset + at) === checksum, 'checksum')
  const stored = bytes.subarray(at + 16, at + 16 + length)
  const isCompressed = compression === 1
  const payload = isCompressed ? decompressBlock(stored, rawLength) : stored
  return { kind, offset: offset + at, size: length + 24, payload, isCompressed }
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

export function varint(value: number | bigint): number[] {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return [...bytes, Number(rest)]
}

/** Payload of a data or index block; `entries` in order. */
export function writeEntries(
  entries: readonly TableEntry[],
  interval: number,
  isIndex = false,
  buckets = 0,
): Uint8Array {
  const base = isIndex ? 0n : entries.reduce((low, { seqno }) => (seqno < low ? seqno : low), 1n << 53n)
  const parts: Uint8Array[] = []
  const restarts: number[] = []
  let offset = 0
  let head: Uint8Array = new Uint8Array(0)
  entries.forEach(({ key, type, seqno, value }, i) => {
    let shared = 0
    if (i % interval === 0) {
      restarts.push(offset)
      head = key
    } else {
      while (shared < Math.min(head.length, key.length) && head[shared] === key[shared]) shared++
    }
    const lengths = [shared, key.length - shared, value.length].flatMap(varint)
    const entry = Buffer.concat([
      Uint8Array.from([type, ...lengths, ...varint(seqno - base)]),
      key.subarray(shared),
      value,
    ])
    parts.push(entry)
    offset += entry.length
  })
  const width = offset > 65535 ? 4 : 2
  const tail = new DataView(new ArrayBuffer(restarts.length * width + buckets + 32))
  restarts.forEach((at, i) =>
    width === 4 ? tail.setUint32(4 * i, at, true) : tail.setUint16(2 * i, at, true),
  )
  new Uint8Array(tail.buffer).set(hashIndex(entries, interval, buckets), restarts.length * width)
  const trailer = restarts.length * width + buckets
  tail.setBigUint64(trailer, base, true)
  tail.setUint32(trailer + 8, entries.length, true)
  tail.setUint32(trailer + 12, restarts.length, true)
  tail.setUint32(trailer + 16, offset, true)
  if (buckets > 0) tail.setUint32(trailer + 20, offset + restarts.length * width, true)
  tail.setUint32(trailer + 24, buckets, true)
  tail.setUint8(trailer + 28, interval)
  tail.setUint8(trailer + 29, width === 4 ? 1 : 0)
  return Uint8Array.from(Buffer.concat([...parts, new Uint8Array(tail.buffer)]))
}

/** A block as it lies at `offset` of the file with that salt. */
export function writeBlock(payload: Uint8Array, kind: number, salt: Uint8Array, offset: number): Uint8Array {
  const block = new Uint8Array(payload.length + 24)
  const view = viewOf(block)
  view.setUint8(0, kind)
  view.setUint32(4, payload.length, true)
  view.setUint32(8, payload.length, true)
  block.set(payload, 16)
  signBlock(block, kind, salt, offset)
  return block
}

/** Puts the right checksum behind whatever the block holds. */
export function signBlock(block: Uint8Array, kind: number, salt: Uint8Array, offset: number): void {
  const end = block.length - 8
  viewOf(block).setBigUint64(end, mixedChecksum(block.subarray(0, end), kind, salt, offset), true)
}

export function writeHandle(offset: number, size: number): Uint8Array {
  return Uint8Array.from([...varint(offset), ...varint(size)])
}

export function writeExtentList(valueLength: number, offset: number, sizes: readonly number[]): Uint8Array {
  return Uint8Array.from([
    ...varint(valueLength),
    ...varint(offset),
    ...varint(sizes.length),
    ...sizes.flatMap(varint),
  ])
}
