/** The decoders of the kernel. Inputs end where memory, or what may be read, ends; what is accepted is also read, by what trusts it. */
import {
  BLOCK_DATA,
  BLOCK_EXTENT,
  BLOCK_FILTER,
  BLOCK_INDEX,
  BLOCK_PROPERTIES,
  BLOCK_ROOT_INDEX,
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  INLINE_VALUE_LIMIT_BYTES,
  PAGE_BYTES,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_POSITION,
  SLOT_READ_SEQNO,
  STATUS_ABSENT,
  STATUS_CHECKSUM,
  STATUS_FOREIGN,
  STATUS_FOUND,
  STATUS_LARGE,
  STATUS_MALFORMED,
  STATUS_OK,
  STATUS_TOMBSTONE,
  STATUS_UNKNOWN_FORMAT,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../../assembly/memory/layout.ts'
import { decompressBlock } from '../../kernel/lz4js.ts'
import { encode, put, tombstone } from '../../kernel/entries.ts'
import {
  hashBucket,
  readBlock,
  readEntries,
  readExtentList,
  writeEntries,
  writeExtentList,
  type TableEntry,
} from '../../kernel/table-format.ts'
import { type Decoder, must } from './decoder.ts'
import type { Arena } from './guarded-kernel.ts'
import type { Mutator } from './mutator.ts'

const SALT = Uint8Array.from({ length: 16 }, (_, i) => 17 * i + 3)
/** Where blocks lie in their file: what they point at is before it. */
const OFFSET = 5_000_000_000
const PAYLOAD_MAX_BYTES = 131_048
const NAMES: Readonly<Record<number, string>> = {
  [STATUS_OK]: 'ok',
  [STATUS_CHECKSUM]: 'checksum',
  [STATUS_MALFORMED]: 'malformed',
  [STATUS_UNKNOWN_FORMAT]: 'unknown format',
  [STATUS_FOREIGN]: 'ok, foreign',
  [STATUS_LARGE]: 'ok, large',
}
/** So many of the inputs with the right checksum are read by the second reader, too. */
const COMPARED = 1 / 16

/** `tables`: table files. */
export function kernelDecoders(arena: Arena, tables: readonly Uint8Array[]): Decoder[] {
  return [
    varints(arena),
    blocks(arena, tables, 'data-block', [BLOCK_DATA]),
    hashIndexes(arena),
    blocks(arena, tables, 'index-block', [BLOCK_INDEX, BLOCK_ROOT_INDEX]),
    blocks(arena, tables, 'filter', [BLOCK_FILTER]),
    blocks(arena, tables, 'other-blocks', [BLOCK_EXTENT, BLOCK_PROPERTIES]),
    extentLists(arena),
    lz4(arena, tables),
    batches(arena),
    comparator(arena),
  ]
}

function varints(arena: Arena): Decoder {
  const { x, u8 } = arena
  const corpus = [
    0n,
    1n,
    127n,
    128n,
    16_384n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 53n,
    2n ** 63n,
    2n ** 64n - 1n,
  ].map((value) => {
    const end = x.writeVarint64(arena.spare, BigInt.asIntN(64, value)) >>> 0
    return u8.slice(arena.spare, end)
  })
  return {
    name: 'varint',
    corpus,
    run(bytes) {
      const at = arena.place(bytes)
      const end = at + bytes.byteLength
      const expected = readVarint(bytes)
      const short = BigInt.asUintN(64, x.readVarint32(at, end))
      const fits = expected !== undefined && expected.value < 2n ** 32n
      must(fits === (short !== 0n), 'a varint of 32 bits is taken for another')
      if (fits) {
        must((short & 0xffff_ffffn) === expected.value, 'value of 32 bits')
        must(short >> 32n === BigInt(at + expected.length), 'length of 32 bits')
      }
      const length = x.varint64Length(at, end)
      must(length === (expected?.length ?? 0), 'length of 64 bits')
      if (expected === undefined) return 'malformed'
      must(BigInt.asUintN(64, x.varint64Value(at, length)) === expected.value, 'value of 64 bits')
      const written = (x.writeVarint64(arena.spare, BigInt.asIntN(64, expected.value)) >>> 0) - arena.spare
      must(written === length, 'written again')
      return `ok ${length}`
    },
  }
}

function readVarint(bytes: Uint8Array): { value: bigint; length: number } | undefined {
  let value = 0n
  for (const [i, byte] of bytes.entries()) {
    value |= BigInt(byte & 127) << BigInt(7 * i)
    if (i === 9 && byte > 1) return undefined
    if (byte < 128) return byte === 0 && i > 0 ? undefined : { value, length: i + 1 }
  }
  return undefined
}

// ── blocks ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

function blocksOf(tables: readonly Uint8Array[], kinds: readonly number[]): Uint8Array[] {
  const found: Uint8Array[] = []
  for (const table of tables) {
    const salt = table.subarray(16, 32)
    for (let at = 64; at < table.byteLength - 64;) {
      const { kind, size } = readBlock(table, at, salt)
      // NOTE: of the long ones some, so that most inputs are short.
      if (kinds.includes(kind) && (size < 4096 || found.length < 3)) found.push(table.slice(at, at + size))
      at += size
    }
  }
  return found
}

class Blocks {
  readonly #arena: Arena
  readonly #salt: number
  readonly #cursor: number

  constructor(arena: Arena) {
    this.#arena = arena
    // The last of the spare pages: the others are for what is written in passing.
    this.#salt = arena.spare + 3 * PAGE_BYTES
    this.#cursor = this.#salt + 64
    arena.u8.set(SALT, this.#salt)
  }

  sign(block: Uint8Array): void {
    if (block.byteLength < 24) return
    const { x, u8 } = this.#arena
    const at = this.#arena.place(block)
    const result = this.#salt + 32
    x.mixedChecksum(at, block.byteLength - 8, block[0] as number, this.#salt, OFFSET, result)
    block.set(u8.subarray(result, result + 8), block.byteLength - 8)
  }

  run(block: Uint8Array, mutator: Mutator): string {
    const { x, slot, view } = this.#arena
    const kind = block[0] ?? 0
    const at = this.#arena.place(block, PAYLOAD_MAX_BYTES)
    const check = (): number =>
      x.checkBlock(slot, at, block.byteLength, kind, this.#salt, OFFSET, this.#arena.output)
    const status = check()
    const name = NAMES[status]
    must(name !== undefined, `status ${status}`)
    if (status !== STATUS_CHECKSUM && mutator.chance(COMPARED)) this.#compare(block, kind, status)
    if (status !== STATUS_OK) return name
    const payload = view.getUint32(slot + SLOT_POINTER, true)
    const length = view.getUint32(slot + SLOT_LENGTH, true)
    if (kind === BLOCK_DATA) this.#readData(payload, length)
    if (kind === BLOCK_INDEX || kind === BLOCK_ROOT_INDEX) this.#readIndex(payload, length)
    if (kind === BLOCK_FILTER) {
      for (let hash = 1n; hash < 2n ** 63n; hash *= 7n)
        x.filterMayContain(payload + 64 * x.filterLine(hash, length / 64), hash, 6)
    }
    return `ok ${kind} ${Math.min(9, length >>> 8)}`
  }

  /** Accepted is what a second reading of docs/table-format.md accepts; written again it is the same. */
  #compare(block: Uint8Array, kind: number, status: number): void {
    let read: { payload: Uint8Array; entries: TableEntry[] } | undefined
    const isIndex = kind === BLOCK_INDEX || kind === BLOCK_ROOT_INDEX
    if (kind !== BLOCK_DATA && !isIndex) return
    try {
      const bytes = new Uint8Array(block.byteLength)
      bytes.set(block)
      const { payload: whole, size } = readBlock(bytes, 0, SALT, OFFSET)
      must(size === block.byteLength, 'its length is another')
      const { payload, index } = apart(whole)
      const entries = readEntries(payload, isIndex, OFFSET)
      const interval = payload[payload.byteLength - 4] as number
      must(
        index.byteLength === 0 || (!isIndex && entries.length <= 253 * interval),
        'it may not have an index',
      )
      leadsEverywhere(index, entries, interval)
      read = { payload, entries }
    } catch {
      read = undefined
    }
    must(
      (status === STATUS_OK) === (read !== undefined),
      `status ${status}, and a second reader says otherwise`,
    )
    if (read === undefined) return
    const { payload, entries } = read
    const again = writeEntries(entries, payload[payload.byteLength - 4] as number, isIndex)
    must(Buffer.compare(again, payload) === 0, 'written again it is another')
  }

  #readData(payload: number, length: number): void {
    const { x, slot, view, u8 } = this.#arena
    const cursor = this.#cursor
    x.blockOpen(cursor, payload, length)
    let forwards = 0
    for (let more = x.blockFirst(cursor); more !== 0; more = x.blockNext(cursor)) forwards++
    for (let more = x.blockLast(cursor); more !== 0; more = x.blockPrevious(cursor)) forwards--
    must(forwards === 0, 'it has more entries in one direction than in the other')
    view.setBigUint64(slot + SLOT_READ_SEQNO, 1n << 53n, true)
    const key = this.#arena.spare + PAGE_BYTES / 2
    for (const search of ['', 'key 1', 'u11', '\u{7f}'.repeat(20)]) {
      const { written } = new TextEncoder().encodeInto(search, new Uint8Array(80))
      u8.set(new TextEncoder().encode(search), key)
      const status = x.blockGet(slot, payload, length, key, written)
      must([STATUS_FOUND, STATUS_TOMBSTONE, STATUS_ABSENT].includes(status), `a search ends with ${status}`)
    }
  }

  #readIndex(payload: number, length: number): void {
    const { x, slot, u8 } = this.#arena
    const key = this.#arena.spare + PAGE_BYTES / 2
    u8.set(new TextEncoder().encode('key 2'), key)
    for (const bound of [0, 1, 2]) {
      const status = x.indexSeek(slot, payload, length, key, 5, bound)
      must(status === STATUS_FOUND || status === STATUS_ABSENT, `a search ends with ${status}`)
    }
    let ordinal = 0
    while (x.indexEntry(slot, payload, length, ordinal) === STATUS_FOUND) ordinal++
    must(ordinal > 0, 'an index without an entry')
  }
}

/** A payload without its hash index, and that. */
function apart(payload: Uint8Array): { payload: Uint8Array; index: Uint8Array } {
  must(payload.byteLength >= 32, 'no trailer')
  const trailer = payload.slice(-32)
  const view = new DataView(trailer.buffer)
  const buckets = view.getUint32(24, true)
  const at = view.getUint32(20, true)
  if (buckets === 0 && at === 0) return { payload, index: new Uint8Array(0) }
  must(buckets > 0 && at + buckets + 32 === payload.byteLength, 'the index lies elsewhere')
  view.setBigUint64(20, 0n, true)
  const without = new Uint8Array(at + 32)
  without.set(payload.subarray(0, at))
  without.set(trailer, at)
  return { payload: without, index: payload.slice(at, at + buckets) }
}

/** The rule of docs/table-format.md: every bucket says something that is there, and leads to every entry. */
function leadsEverywhere(index: Uint8Array, entries: readonly TableEntry[], interval: number): void {
  if (index.byteLength === 0) return
  const intervals = Math.ceil(entries.length / interval)
  must(
    index.every((bucket) => bucket < intervals || bucket >= 254),
    'a bucket says what is not there',
  )
  for (const [i, { key }] of entries.entries()) {
    const bucket = index[hashBucket(key, index.byteLength)]
    must(bucket === Math.floor(i / interval) || bucket === 254, 'a bucket leads astray')
  }
}

function blocks(
  arena: Arena,
  tables: readonly Uint8Array[],
  name: string,
  kinds: readonly number[],
): Decoder {
  const all = new Blocks(arena)
  const corpus = blocksOf(tables, kinds)
  for (const block of corpus) all.sign(block)
  return {
    name,
    corpus,
    sign: (bytes) => all.sign(bytes),
    run: (bytes, mutator) => all.run(bytes, mutator),
  }
}

/** Data blocks with few bytes of entries and a hash index, so that mutations hit that. */
function hashIndexes(arena: Arena): Decoder {
  const all = new Blocks(arena)
  const corpus = [1, 2, 5, 16].flatMap((interval) =>
    [1, 7, 40].map((buckets) => {
      const entries = Array.from({ length: 30 }, (_, i): TableEntry => ({
        key: new TextEncoder().encode(`k${String(i).padStart(2, '0')}`),
        type: TYPE_VALUE,
        seqno: BigInt(5 + i),
        value: new Uint8Array(i % 3),
      }))
      return block(writeEntries(entries, interval, false, buckets))
    }),
  )
  for (const bytes of corpus) all.sign(bytes)
  return {
    name: 'hash-index',
    corpus,
    sign: (bytes) => all.sign(bytes),
    run: (bytes, mutator) => all.run(bytes, mutator),
  }
}

function block(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(payload.byteLength + 24)
  const view = new DataView(bytes.buffer)
  bytes[0] = BLOCK_DATA
  view.setUint32(4, payload.byteLength, true)
  view.setUint32(8, payload.byteLength, true)
  bytes.set(payload, 16)
  return bytes
}

// ── the rest ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function extentLists(arena: Arena): Decoder {
  const { x } = arena
  const corpus = [
    writeExtentList(40_000, 1_000_000, [40_024]),
    writeExtentList(300_000, 64, [131_072, 131_072, 37_000]),
    writeExtentList(32_768, 4_000_000_000, [900]),
  ]
  return {
    name: 'extent-list',
    corpus,
    run(bytes, mutator) {
      const at = arena.place(bytes)
      const isGood = x.checkExtentList(at, at + bytes.byteLength, BigInt(OFFSET)) !== 0
      if (isGood || mutator.chance(COMPARED)) {
        let list: ReturnType<typeof readExtentList> | undefined
        try {
          list = readExtentList(bytes)
          const end = list.sizes.reduce((sum, size) => sum + size, list.offset)
          if (end > OFFSET) list = undefined
        } catch {
          list = undefined
        }
        must(isGood === (list !== undefined), 'a second reader says otherwise')
        if (list === undefined) return 'malformed'
        const { valueLength, offset, sizes } = list
        must(x.listedValueLength(at, bytes.byteLength) >>> 0 === valueLength, 'value length')
        must(x.listedExtents(at, bytes.byteLength) === sizes.length, 'extents')
        must(BigInt.asUintN(64, x.listedOffset(at, bytes.byteLength, 0)) === BigInt(offset), 'offset')
        must(x.listedSize(at, bytes.byteLength, sizes.length - 1) === sizes.at(-1), 'size')
        must(Buffer.compare(writeExtentList(valueLength, offset, sizes), bytes) === 0, 'written again')
      }
      return isGood ? 'ok' : 'malformed'
    },
  }
}

function lz4(arena: Arena, tables: readonly Uint8Array[]): Decoder {
  const { x, u8 } = arena
  const raw = [
    ...blocksOf(tables, [BLOCK_DATA, BLOCK_EXTENT]).map((bytes) => bytes.subarray(16, bytes.byteLength - 8)),
    new Uint8Array(3000),
    new TextEncoder().encode('abcdefgh'.repeat(90)),
  ]
  // The first four bytes say how long the output is.
  const corpus = raw.flatMap((bytes): Uint8Array[] => {
    if (bytes.byteLength > 8192 || bytes.byteLength < 16) return []
    u8.set(bytes, arena.spare)
    const [scratch, to] = [arena.spare + PAGE_BYTES, arena.spare + 2 * PAGE_BYTES]
    const length = x.lz4Compress(arena.spare, bytes.byteLength, to, bytes.byteLength, scratch)
    if (length === 0) return []
    const input = new Uint8Array(4 + length)
    new DataView(input.buffer).setUint32(0, bytes.byteLength, true)
    input.set(u8.subarray(to, to + length), 4)
    return [input]
  })
  return {
    name: 'lz4',
    corpus,
    run(bytes, mutator) {
      if (bytes.byteLength < 4) return 'short'
      const rawLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) % 16_384
      const compressed = bytes.slice(4)
      const at = arena.place(compressed, rawLength)
      const { output } = arena
      u8.fill(0xca, output + rawLength, output + rawLength + 64)
      const isGood = x.lz4Decompress(at, compressed.byteLength, output, rawLength) !== 0
      for (let i = 0; i < 64; i++) must(u8[output + rawLength + i] === 0xca, 'it writes behind its output')
      if (isGood && mutator.chance(COMPARED)) {
        const expected = decompressBlock(compressed, rawLength)
        must(
          Buffer.compare(expected, u8.slice(output, output + rawLength)) === 0,
          'another decoder says otherwise',
        )
      }
      return isGood ? `ok ${rawLength >>> 8}` : 'malformed'
    },
  }
}

function batches(arena: Arena): Decoder {
  const { x, slot, view } = arena
  let memtable = 0
  let inserted = 0
  const corpus = [
    encode([put('a', 'x'), put('b', ''), tombstone('a'), put('k'.repeat(300), 'v'.repeat(40))]),
    encode([put('', 'empty key'), put('other', 'keyspace', 2), put('c', 'x'.repeat(1000))]),
    encode(Array.from({ length: 12 }, (_, i) => put(`k${i}`, 'y'.repeat(i)))),
    encode([put('large', 'x'.repeat(INLINE_VALUE_LIMIT_BYTES))]),
  ]
  return {
    name: 'batch',
    corpus,
    run(bytes) {
      if (memtable === 0) memtable = x.createMemtable() >>> 0
      const at = arena.place(bytes)
      x.setGroup(slot, 1 + inserted, 10_000)
      const status = x.applyEntries(slot, memtable, at, at + bytes.byteLength, 1, 0)
      const position = view.getUint32(slot + SLOT_POSITION, true) - at
      const expected = readBatch(bytes)
      must(status === expected.status && position === expected.position, `status ${status} at ${position}`)
      inserted += 10_000
      if (inserted > 500_000) {
        x.freeMemtable(memtable)
        memtable = inserted = 0
      }
      return `${NAMES[status] ?? status}`
    },
  }
}

/** docs/journal-format.md in other words: where the entries of keyspace 1 end, and why. */
function readBatch(bytes: Uint8Array): { status: number; position: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  while (position < bytes.byteLength) {
    const left = bytes.byteLength - position
    if (left < ENTRY_HEADER_BYTES) return { status: STATUS_MALFORMED, position }
    const keyLength = view.getUint16(position + ENTRY_KEY_LENGTH, true)
    const valueLength = view.getUint32(position + ENTRY_VALUE_LENGTH, true)
    const type = view.getUint16(position + ENTRY_TYPE, true)
    const isTombstone = type === TYPE_TOMBSTONE || type === TYPE_WEAK_TOMBSTONE
    const isKnown = type === TYPE_VALUE || (isTombstone && valueLength === 0)
    const size = ENTRY_HEADER_BYTES + keyLength + valueLength
    if (!isKnown || size > left) return { status: STATUS_MALFORMED, position }
    if (view.getUint32(position + ENTRY_KEYSPACE, true) !== 1) return { status: STATUS_FOREIGN, position }
    if (valueLength >= INLINE_VALUE_LIMIT_BYTES) return { status: STATUS_LARGE, position }
    position += size
  }
  return { status: STATUS_OK, position }
}

/** Two keys: the first byte says where the one ends. */
function comparator(arena: Arena): Decoder {
  const { x } = arena
  const corpus = ['aab', 'key 1key 2', `${'x'.repeat(40)}y${'x'.repeat(40)}z`, '\0\0\0'].map((text) => {
    const keys = new TextEncoder().encode(text)
    return Uint8Array.of(keys.byteLength >>> 1, ...keys)
  })
  return {
    name: 'comparator',
    corpus,
    run(bytes, mutator) {
      const both = bytes.slice(1)
      const length = Math.min(bytes[0] ?? 0, both.byteLength)
      const at = arena.place(both, 0, mutator.pick(256))
      const [a, b] = [both.subarray(0, length), both.subarray(length)]
      const order = Math.sign(x.compareBytes(at, length, at + length, b.byteLength))
      must(order === Buffer.compare(a, b), 'the order is another')
      const back = Math.sign(x.compareBytes(at + length, b.byteLength, at, length))
      must(order + back === 0, 'the order depends on who comes first')
      const limit = Math.min(length, b.byteLength)
      const shared = x.commonPrefix(at, at + length, limit)
      must(shared <= limit && Buffer.compare(a.subarray(0, shared), b.subarray(0, shared)) === 0, 'prefix')
      must(shared === limit || a[shared] !== b[shared], 'prefix is too short')
      must((x.equalBytes(at, at + length, limit) !== 0) === (shared === limit), 'equality')
      x.keyHash(at, both.byteLength)
      return `ok ${order} ${Math.min(9, shared)}`
    },
  }
}
