import {
  BLOCK_DATA,
  BLOCK_PROPERTIES,
  TABLE_SALT,
  TYPE_EXTENT,
  TYPE_MASK,
  TYPE_TOMBSTONE,
  TYPE_VALUE,
  TYPE_WEAK_TOMBSTONE,
} from '../../assembly/memory/layout.ts'
import { hasAscii } from '../bytes.ts'
import { extentValue } from '../engine/large-value.ts'
import { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { BlockEntries } from '../table/block-entries.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import { decodeHeader, FILE_HEADER_BYTES, FOOTER_BYTES, SALT_BYTES } from '../table/format.ts'
import { keyspaceOfProperties } from '../table/properties.ts'
import type { OpenTable } from '../table/table-file.ts'
import { createTableRecord, freeTableRecord } from '../table/table-record.ts'
import { BlockWalk } from './block-walk.ts'
import { Losses } from './losses.ts'

const FOOTER_MAGIC = 'VARVETBL'
const SALT_AT = 16

/** An entry as a table held it. */
export interface StoredEntry {
  readonly key: Uint8Array
  readonly seqno: number
  /** TYPE_VALUE, TYPE_TOMBSTONE or TYPE_WEAK_TOMBSTONE. */
  readonly type: number
  readonly value: Uint8Array
}

/** A table of which not everything can be read. All it takes is the salt of its file. */
export class TableRemains {
  readonly file: File
  readonly #kernel: Kernel
  readonly #loader: BlockLoader
  readonly #table: OpenTable
  readonly #end: number

  /** `salt`: as the manifest names it; undefined: as it stands in the file. @throws IO, NO_MEMORY */
  constructor(kernel: Kernel, loader: BlockLoader, file: File, id: number, salt: Uint8Array | undefined) {
    this.file = file
    this.#kernel = kernel
    this.#loader = loader
    const sizeBytes = file.size()
    const record = createTableRecord(kernel)
    this.#table = { info: { id, sizeBytes }, file, record }
    kernel.u8.set(salt ?? readAt(file, SALT_AT, SALT_BYTES), record + TABLE_SALT)
    const end = sizeBytes - FOOTER_BYTES
    const hasFooter = end >= FILE_HEADER_BYTES && hasAscii(readAt(file, sizeBytes - 8, 8), 0, FOOTER_MAGIC)
    this.#end = hasFooter ? end : sizeBytes
  }

  /** The keyspace that its header names, or else its properties, if either can be read. @throws IO */
  keyspaceId(): number | undefined {
    return this.#headersKeyspaceId() ?? this.#propertiesKeyspaceId()
  }

  #headersKeyspaceId(): number | undefined {
    const { file, record } = this.#table
    try {
      return decodeHeader(this.#kernel, readAt(file, 0, FILE_HEADER_BYTES), record + TABLE_SALT, file.name)
    } catch (error) {
      if (error instanceof VarveError && error.code === 'CORRUPT') return undefined
      throw error
    }
  }

  #propertiesKeyspaceId(): number | undefined {
    const walk = this.#walk(new Losses())
    while (walk.next()) {
      if (walk.kind !== BLOCK_PROPERTIES) continue
      return keyspaceOfProperties(walk.payload.slice(), this.file.name)
    }
    return undefined
  }

  /** Its entries, as they lie. What cannot be read is noted. @throws IO, NO_MEMORY */
  *entries(losses: Losses): Generator<StoredEntry, void, void> {
    const walk = this.#walk(losses)
    while (walk.next()) {
      if (walk.kind !== BLOCK_DATA) continue
      const { offset } = walk
      // NOTE: a copy, because extents are loaded to the same place.
      const entries = new BlockEntries(walk.payload.slice())
      while (entries.next()) {
        const { key, seqno } = entries
        const type = entries.typeByte & TYPE_MASK
        if (type === TYPE_VALUE || type === TYPE_TOMBSTONE || type === TYPE_WEAK_TOMBSTONE)
          yield { key, seqno, type, value: entries.value }
        else if (type === TYPE_EXTENT) {
          const value = this.#extentValue(entries.value, offset, losses)
          if (value !== undefined) yield { key, seqno, type: TYPE_VALUE, value }
        } else losses.add(this.file.name, offset, 0, 'an entry has a type that is not known')
      }
    }
  }

  /** Gives its memory back. The file stays open. */
  free(): void {
    freeTableRecord(this.#kernel, this.#table.record)
  }

  #walk(losses: Losses): BlockWalk {
    return new BlockWalk(this.#loader, this.#table, this.#end, losses)
  }

  #extentValue(list: Uint8Array, offset: number, losses: Losses): Uint8Array | undefined {
    const kernel = this.#kernel
    try {
      kernel.u8.set(list, kernel.input)
      return extentValue({ kernel, blocks: this.#loader }, this.#table, kernel.input, list.byteLength)
    } catch (error) {
      if (!(error instanceof VarveError) || error.code !== 'CORRUPT') throw error
      losses.add(this.file.name, error.offset ?? offset, 0, 'a large value is not whole')
      return undefined
    }
  }
}

/** As many of the bytes as there are; zeros behind. */
function readAt(file: File, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  file.read(bytes, offset)
  return bytes
}
