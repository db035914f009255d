import {
  BLOCK_PROPERTIES,
  BUILDER_DATA_BLOCKS,
  BUILDER_ENTRIES,
  BUILDER_EXTENT_BLOCKS,
  BUILDER_FILTER_LINES,
  BUILDER_FILTER_OFFSET,
  BUILDER_FILTER_PROBES,
  BUILDER_HASH_STATE,
  BUILDER_HIDDEN_VERSIONS,
  BUILDER_HIGHEST_SEQNO,
  BUILDER_INDEX_BLOCKS,
  BUILDER_LOWEST_SEQNO,
  BUILDER_MAX_KEY,
  BUILDER_MAX_KEY_LENGTH,
  BUILDER_MIN_KEY,
  BUILDER_MIN_KEY_LENGTH,
  BUILDER_RAW_KEY_BYTES,
  BUILDER_RAW_VALUE_BYTES,
  BUILDER_ROOT_OFFSET,
  BUILDER_ROOT_SIZE,
  BUILDER_TOMBSTONES,
  BUILDER_WEAK_TOMBSTONES,
  SLOT_CHECKSUM,
  SLOT_LENGTH,
  SLOT_POINTER,
  STATUS_DONE,
  STATUS_FULL,
  STATUS_MALFORMED,
  STATUS_NEED_BLOCK,
  STATUS_NO_PAGES,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import type { File } from '../fs/filesystem.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'
import { corrupt } from '../errors.ts'
import type { TableInfo } from '../version/version.ts'
import type { EntryStream } from './entry-stream.ts'
import { encodeFooter, encodeHeader, FILE_HEADER_BYTES, FOOTER_BYTES } from './format.ts'
import { DEFAULT_BITS_PER_KEY } from './filter-policy.ts'
import { compressionNumber, type Compression } from './compression.ts'
import { encodeProperties } from './properties.ts'
import type { TableFile, TableFilter } from './table-file.ts'
import { createTableRecord, fillTableRecord, freeTableRecord } from './table-record.ts'

/** NOTE: so that the fences of most index blocks fit a record of 32 KiB. */
const INDEX_BLOCK_BYTES = 24_576

/** Blocks read or output pages written in one step: a millisecond or two of work. */
const BLOCKS_AT_ONCE = 64

export type Progress = 'more' | 'stream-ended' | 'table-full'

/** How a table is written. */
export interface TablePolicy {
  /** Data blocks are ended when they reach this size. */
  readonly blockBytes: number
  readonly restartInterval: number
  /** See bitsPerKeyFor. */
  readonly bitsPerKey: number
  readonly compression: Compression
  /** It ends with the user key with which it reaches this size. */
  readonly targetBytes: number
}

export const FLUSHED_TABLE: TablePolicy = {
  blockBytes: 4096,
  restartInterval: 4,
  bitsPerKey: DEFAULT_BITS_PER_KEY,
  compression: 'none',
  targetBytes: Infinity,
}

/**
 * Writes one table file from an entry stream: the kernel makes the blocks, this puts them into the file.
 * CRASH: a file that is not finished is named by no manifest and is deleted as an orphan.
 */
export class TableWriter {
  readonly id: number
  readonly file: File
  readonly #kernel: Kernel
  readonly #keyspaceId: number
  readonly #policy: TablePolicy
  readonly #level: number
  readonly #builder: number
  /** The table's record, so far with nothing but the salt; the open table takes it over. */
  readonly #record: number
  #length = 0

  /** `salt`: 16 random bytes. @throws NO_MEMORY, DISK_FULL, IO */
  constructor(
    kernel: Kernel,
    file: File,
    id: number,
    keyspaceId: number,
    salt: Uint8Array,
    level = 0,
    policy: TablePolicy = FLUSHED_TABLE,
  ) {
    this.#kernel = kernel
    this.id = id
    this.file = file
    this.#keyspaceId = keyspaceId
    this.#level = level
    this.#policy = policy
    this.#record = createTableRecord(kernel)
    kernel.u8.set(salt, this.#record)
    const { exports } = kernel
    this.#builder =
      exports.builderCreate(
        policy.blockBytes,
        policy.restartInterval,
        INDEX_BLOCK_BYTES,
        this.#record,
        FILE_HEADER_BYTES,
        policy.bitsPerKey,
        compressionNumber(policy.compression),
        policy.targetBytes,
      ) >>> 0
    if (this.#builder === 0) {
      freeTableRecord(kernel, this.#record)
      throw noPages()
    }
    exports.hashBegin(this.#builder + BUILDER_HASH_STATE)
    try {
      this.#write(encodeHeader(kernel, this.#record, keyspaceId))
    } catch (error) {
      exports.builderFree(this.#builder)
      freeTableRecord(kernel, this.#record)
      throw error
    }
  }

  /** Entries it has so far. */
  get entries(): number {
    return this.#float(BUILDER_ENTRIES)
  }

  /**
   * Adds up to `maxEntries` entries of a stream, or those of about BLOCKS_AT_ONCE blocks. At 'table-full' the next entry is for the next table.
   * @throws CORRUPT, FORMAT_VERSION, DISK_FULL, IO
   */
  feed(stream: EntryStream, maxEntries: number): Progress {
    const { exports, slot } = this.#kernel
    for (let blocks = 0; blocks < BLOCKS_AT_ONCE; blocks++) {
      const status = exports.builderFeed(slot, this.#builder, stream.pointer, maxEntries)
      if (status === STATUS_FULL) this.#drain()
      else if (status === STATUS_NEED_BLOCK)
        stream.supply((pointer, length) => this.#addExtent(stream, pointer, length))
      else if (status === STATUS_OK) return 'more'
      else if (status === STATUS_DONE) return 'stream-ended'
      else if (status === STATUS_NO_PAGES) return 'table-full'
      else if (status === STATUS_MALFORMED) throw corrupt(this.file.name, 0, 'entries to write do not ascend')
      else throw new Error(`table builder: unexpected status ${status}`)
    }
    return 'more'
  }

  #addExtent(stream: EntryStream, pointer: number, length: number): void {
    const { exports, slot } = this.#kernel
    while (exports.builderExtent(slot, this.#builder, stream.pointer, pointer, length) === STATUS_FULL) {
      this.#drain()
    }
  }

  /** Ends the file: index, filter, properties, footer. Not synced. @throws DISK_FULL, IO, NO_MEMORY */
  finish(createdAt: number): TableFile {
    const { exports, slot, u8 } = this.#kernel
    const builder = this.#builder
    while (exports.builderFinish(slot, builder) === STATUS_FULL) this.#drain()
    const info = this.#info(createdAt)
    const filter = this.#filter()
    const properties = encodeProperties(info, {
      weakTombstones: this.#float(BUILDER_WEAK_TOMBSTONES),
      rawKeyBytes: this.#float(BUILDER_RAW_KEY_BYTES),
      rawValueBytes: this.#float(BUILDER_RAW_VALUE_BYTES),
      dataBlocks: this.#word(BUILDER_DATA_BLOCKS),
      indexBlocks: this.#word(BUILDER_INDEX_BLOCKS),
      extentBlocks: this.#word(BUILDER_EXTENT_BLOCKS),
      blockBytes: this.#policy.blockBytes,
      compression: this.#policy.compression,
      createdAt,
      filter,
    })
    // NOTE: nobody else has anything in the input page: a flush never runs inside a read or between a write's encoding and its end.
    const { input } = this.#kernel
    u8.set(properties, input)
    while (
      exports.builderAppend(slot, builder, BLOCK_PROPERTIES, input, properties.byteLength) === STATUS_FULL
    ) {
      this.#drain()
    }
    this.#drain()
    const propertiesSize = 16 + properties.byteLength + 8
    const footer = encodeFooter(this.#kernel, this.#record, {
      rootOffset: this.#float(BUILDER_ROOT_OFFSET),
      rootSize: this.#word(BUILDER_ROOT_SIZE),
      propertiesOffset: this.#length - propertiesSize,
      propertiesSize,
      fileLength: this.#length + FOOTER_BYTES,
    })
    this.#write(footer)
    fillTableRecord(this.#kernel, this.#record, info, {
      rootOffset: this.#float(BUILDER_ROOT_OFFSET),
      rootSize: this.#word(BUILDER_ROOT_SIZE),
      filter,
      sizeBytes: this.#length,
      descriptor: this.file.descriptor,
    })
    const fileChecksum = this.#fileChecksum()
    this.#kernel.exports.builderFree(builder)
    return {
      info: { ...info, sizeBytes: this.#length, fileChecksum },
      file: this.file,
      record: this.#record,
      filter,
      compression: this.#policy.compression,
    }
  }

  /** Gives everything back instead of finishing. */
  abandon(): void {
    this.#kernel.exports.builderFree(this.#builder)
    freeTableRecord(this.#kernel, this.#record)
    this.file.close()
  }

  #info(createdAt: number): TableInfo {
    const { u8 } = this.#kernel
    const keyAt = (pointer: number, length: number): Uint8Array => {
      const at = this.#word(pointer)
      return u8.slice(at, at + this.#word(length))
    }
    return {
      id: this.id,
      keyspaceId: this.#keyspaceId,
      level: this.#level,
      // NOTE: which run it joins is decided when it is installed.
      run: 0,
      sizeBytes: 0,
      salt: u8.slice(this.#record, this.#record + 16),
      smallestKey: keyAt(BUILDER_MIN_KEY, BUILDER_MIN_KEY_LENGTH),
      largestKey: keyAt(BUILDER_MAX_KEY, BUILDER_MAX_KEY_LENGTH),
      lowestSeqno: this.#float(BUILDER_LOWEST_SEQNO),
      highestSeqno: this.#float(BUILDER_HIGHEST_SEQNO),
      entries: this.#float(BUILDER_ENTRIES),
      tombstones: this.#float(BUILDER_TOMBSTONES) + this.#float(BUILDER_WEAK_TOMBSTONES),
      hiddenVersions: this.#float(BUILDER_HIDDEN_VERSIONS),
      createdAt,
      fileChecksum: new Uint8Array(8),
    }
  }

  #filter(): TableFilter | undefined {
    const lines = this.#word(BUILDER_FILTER_LINES)
    if (lines === 0) return undefined
    return { offset: this.#float(BUILDER_FILTER_OFFSET), lines, probes: this.#word(BUILDER_FILTER_PROBES) }
  }

  /** XXH3-64 of all bytes written. */
  #fileChecksum(): Uint8Array {
    const { exports, u8, slot } = this.#kernel
    const result = slot + SLOT_CHECKSUM
    exports.hashFinish(this.#builder + BUILDER_HASH_STATE, result)
    return u8.slice(result, result + 8)
  }

  #float(offset: number): number {
    return this.#kernel.view.getFloat64(this.#builder + offset, true)
  }

  #word(offset: number): number {
    return this.#kernel.u32[(this.#builder + offset) >>> 2] as number
  }

  #drain(): void {
    const { exports, u8 } = this.#kernel
    const pointer = this.#kernel.word(SLOT_POINTER)
    const length = this.#kernel.word(SLOT_LENGTH)
    this.file.write(u8, pointer, length, this.#length)
    exports.hashUpdate(this.#builder + BUILDER_HASH_STATE, pointer, length)
    this.#length += length
    exports.builderWritten(this.#builder)
  }

  #write(bytes: Uint8Array): void {
    const { exports, u8, input } = this.#kernel
    this.file.write(bytes, 0, bytes.byteLength, this.#length)
    u8.set(bytes, input)
    exports.hashUpdate(this.#builder + BUILDER_HASH_STATE, input, bytes.byteLength)
    this.#length += bytes.byteLength
  }
}
