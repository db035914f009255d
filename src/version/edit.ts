/**
 * What an edit of the manifest can say, and its encoding (docs/manifest-format.md). Whether it makes sense for the
 * state it meets is decided in fold.ts.
 */
import { KEY_MAX_BYTES } from '../../assembly/memory/layout.ts'
import { unknownFormat } from './binary.ts'
import { FieldReader, FieldWriter, type FieldSource } from './fields.ts'
import { LEVELS, type KeyspacePolicy } from './keyspace-policy.ts'
import type { TableInfo } from './version.ts'

/** Longest name of a keyspace or of an encoding, in UTF-8. */
export const NAME_MAX_BYTES = 255
const CHAIN_BYTES = 8
const SALT_BYTES = 16
const CHECKSUM_BYTES = 8
const BYTEWISE = 1
const STRATEGIES = ['leveled', 'fifo'] as const
const COMPRESSIONS = ['none', 'lz4'] as const

export interface CountersEdit {
  readonly type: 'counters'
  readonly nextFileId: number
  readonly nextKeyspaceId: number
  /** A lower bound: journals and tables may hold higher ones. */
  readonly nextSeqno: number
}

export interface KeyspaceCreatedEdit {
  readonly type: 'keyspaceCreated'
  readonly id: number
  readonly name: string
  /** Name of a built-in encoding; undefined = not fixed. */
  readonly keyEncoding: string | undefined
  readonly valueEncoding: string | undefined
}

/** How the keyspace's tables are written and merged from now on. */
export interface KeyspacePolicyEdit {
  readonly type: 'keyspacePolicy'
  readonly id: number
  readonly policy: KeyspacePolicy
}

/** The keyspace goes, and all its tables with it. */
export interface KeyspaceDroppedEdit {
  readonly type: 'keyspaceDropped'
  readonly id: number
}

export interface TableAddedEdit {
  readonly type: 'tableAdded'
  readonly table: TableInfo
}

export interface TableRemovedEdit {
  readonly type: 'tableRemoved'
  readonly keyspaceId: number
  readonly tableId: number
}

/** Every entry of the keyspace below `seqno` is in tables. */
export interface FlushedSeqnoEdit {
  readonly type: 'flushedSeqno'
  readonly keyspaceId: number
  readonly seqno: number
}

export interface JournalCreatedEdit {
  readonly type: 'journalCreated'
  readonly id: number
}

/** The journal was fdatasynced, and ends at `length` with `chain` (8 bytes). */
export interface JournalSealedEdit {
  readonly type: 'journalSealed'
  readonly id: number
  readonly length: number
  readonly chain: Uint8Array
}

/** The journal may be deleted once a superblock covers this edit. */
export interface JournalRemovedEdit {
  readonly type: 'journalRemoved'
  readonly id: number
}

/** Journals below `id` are not needed by replay, or by other readers. */
export interface FloorEdit {
  readonly type: 'replayFloor' | 'retainFloor'
  readonly id: number
}

/** The database was closed; nothing follows in this manifest. */
export interface CleanCloseEdit {
  readonly type: 'cleanClose'
  readonly nextSeqno: number
}

/** One field of an edit frame. Several of them in one frame are applied together or not at all. */
export type VersionEdit =
  | CountersEdit
  | KeyspaceCreatedEdit
  | KeyspacePolicyEdit
  | KeyspaceDroppedEdit
  | TableAddedEdit
  | TableRemovedEdit
  | FlushedSeqnoEdit
  | JournalCreatedEdit
  | JournalSealedEdit
  | JournalRemovedEdit
  | FloorEdit
  | CleanCloseEdit

/** The payload of a frame. @throws RangeError for what has no encoding. */
export function encodeEdits(edits: readonly VersionEdit[]): Uint8Array {
  const fields = new FieldWriter()
  for (const edit of edits) encodeEdit(fields, edit)
  return fields.finish()
}

function encodeEdit(fields: FieldWriter, edit: VersionEdit): void {
  switch (edit.type) {
    case 'counters':
      return fields.record(1, encodeCounters(edit))
    case 'keyspaceCreated':
      return fields.record(3, encodeKeyspace(edit))
    case 'keyspacePolicy':
      return fields.record(31, encodePolicy(edit))
    case 'keyspaceDropped':
      return fields.number(5, edit.id)
    case 'tableAdded':
      return fields.record(7, encodeTable(edit.table))
    case 'tableRemoved':
      return fields.numbers(9, [edit.keyspaceId, edit.tableId])
    case 'flushedSeqno':
      return fields.numbers(11, [edit.keyspaceId, edit.seqno])
    case 'journalCreated':
      return fields.number(13, edit.id)
    case 'journalSealed':
      return fields.numbers(15, [edit.id, edit.length], exactly(edit.chain, CHAIN_BYTES))
    case 'journalRemoved':
      return fields.number(17, edit.id)
    case 'replayFloor':
      return fields.number(19, edit.id)
    case 'retainFloor':
      return fields.number(21, edit.id)
    case 'cleanClose':
      return fields.number(23, edit.nextSeqno)
  }
}

function encodeCounters(edit: CountersEdit): FieldWriter {
  const record = new FieldWriter()
  record.number(1, edit.nextFileId)
  record.number(3, edit.nextKeyspaceId)
  record.number(5, edit.nextSeqno)
  return record
}

function encodeKeyspace(edit: KeyspaceCreatedEdit): FieldWriter {
  const record = new FieldWriter()
  record.number(1, edit.id)
  if (edit.keyEncoding !== undefined) record.text(2, edit.keyEncoding)
  record.text(3, edit.name)
  if (edit.valueEncoding !== undefined) record.text(4, edit.valueEncoding)
  record.number(5, BYTEWISE)
  return record
}

function encodePolicy({ id, policy }: KeyspacePolicyEdit): FieldWriter {
  const record = new FieldWriter()
  record.number(1, id)
  record.number(3, STRATEGIES.indexOf(policy.strategy))
  record.number(5, policy.sizeLimitBytes)
  record.number(7, policy.ttlMs)
  record.numbers(9, policy.blockBytes)
  record.numbers(11, policy.restartIntervals)
  record.numbers(
    13,
    policy.compressions.map((name) => COMPRESSIONS.indexOf(name)),
  )
  record.numbers(15, policy.bitsPerKey)
  return record
}

function encodeTable(table: TableInfo): FieldWriter {
  const record = new FieldWriter()
  record.number(1, table.keyspaceId)
  record.number(2, table.tombstones)
  record.number(3, table.id)
  record.number(4, table.hiddenVersions)
  record.number(5, table.sizeBytes)
  record.number(6, table.createdAt)
  record.bytes(7, exactly(table.salt, SALT_BYTES))
  record.number(9, table.level)
  record.number(11, table.run)
  record.bytes(13, table.smallestKey)
  record.bytes(15, table.largestKey)
  record.number(17, table.lowestSeqno)
  record.number(19, table.highestSeqno)
  record.number(21, table.entries)
  record.bytes(23, exactly(table.fileChecksum, CHECKSUM_BYTES))
  return record
}

function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength !== length) throw new RangeError(`expected ${length} bytes, not ${bytes.byteLength}`)
  return bytes
}

/** Reads the payload of a frame. @throws CORRUPT, FORMAT_VERSION */
export function decodeEdits(payload: Uint8Array, source: FieldSource): VersionEdit[] {
  const edits: VersionEdit[] = []
  const fields = new FieldReader(payload, source, false)
  while (fields.next()) {
    const edit = decodeEdit(fields, source)
    if (edit !== undefined) edits.push(edit)
  }
  return edits
}

function decodeEdit(fields: FieldReader, source: FieldSource): VersionEdit | undefined {
  switch (fields.tag) {
    case 1:
      return decodeCounters(fields.record())
    case 3:
      return decodeKeyspace(fields.record(), source)
    case 5:
      return { type: 'keyspaceDropped', id: fields.number() }
    case 7:
      return { type: 'tableAdded', table: decodeTable(fields.record()) }
    case 9:
      return { type: 'tableRemoved', keyspaceId: fields.number(), tableId: fields.number() }
    case 11:
      return { type: 'flushedSeqno', keyspaceId: fields.number(), seqno: fields.number() }
    case 13:
      return { type: 'journalCreated', id: fields.number() }
    case 15: {
      const id = fields.number()
      const length = fields.number()
      return { type: 'journalSealed', id, length, chain: fields.bytes(CHAIN_BYTES) }
    }
    case 17:
      return { type: 'journalRemoved', id: fields.number() }
    case 19:
      return { type: 'replayFloor', id: fields.number() }
    case 21:
      return { type: 'retainFloor', id: fields.number() }
    case 23:
      return { type: 'cleanClose', nextSeqno: fields.number() }
    case 31:
      return decodePolicy(fields.record())
    default:
      fields.unknown()
      return undefined
  }
}

function decodeCounters(fields: FieldReader): CountersEdit {
  let nextFileId = 0
  let nextKeyspaceId = 0
  let nextSeqno = 0
  while (fields.next()) {
    if (fields.tag === 1) nextFileId = fields.number()
    else if (fields.tag === 3) nextKeyspaceId = fields.number()
    else if (fields.tag === 5) nextSeqno = fields.number()
    else fields.unknown()
  }
  fields.demand(1, 3, 5)
  return { type: 'counters', nextFileId, nextKeyspaceId, nextSeqno }
}

function decodeKeyspace(fields: FieldReader, source: FieldSource): KeyspaceCreatedEdit {
  let id = 0
  let name = ''
  let keyEncoding: string | undefined
  let valueEncoding: string | undefined
  while (fields.next()) {
    if (fields.tag === 1) id = fields.number()
    else if (fields.tag === 2) keyEncoding = fields.text(NAME_MAX_BYTES)
    else if (fields.tag === 3) name = fields.text(NAME_MAX_BYTES)
    else if (fields.tag === 4) valueEncoding = fields.text(NAME_MAX_BYTES)
    else if (fields.tag === 5) {
      const comparator = fields.number()
      if (comparator !== BYTEWISE) throw unknownFormat(source.file, source.offset, `comparator ${comparator}`)
    } else fields.unknown()
  }
  fields.demand(1, 3, 5)
  return { type: 'keyspaceCreated', id, name, keyEncoding, valueEncoding }
}

function decodePolicy(fields: FieldReader): KeyspacePolicyEdit {
  let id = 0
  const numbers = new Map<number, number[]>()
  while (fields.next()) {
    if (fields.tag === 1) id = fields.number()
    else if (fields.tag % 2 === 1 && fields.tag <= 15) numbers.set(fields.tag, fields.list(LEVELS))
    else fields.unknown()
  }
  fields.demand(1, 3, 5, 7, 9, 11, 13, 15)
  const list = (tag: number): number[] => numbers.get(tag) ?? []
  const named = <T>(names: readonly T[], number: number | undefined, what: string): T => {
    const name = names[number ?? -1]
    if (name === undefined) throw fields.malformed(`there is no ${what} ${number}`)
    return name
  }
  return {
    type: 'keyspacePolicy',
    id,
    policy: {
      strategy: named(STRATEGIES, list(3)[0], 'strategy'),
      sizeLimitBytes: list(5)[0] ?? 0,
      ttlMs: list(7)[0] ?? 0,
      blockBytes: list(9),
      restartIntervals: list(11),
      compressions: list(13).map((number) => named(COMPRESSIONS, number, 'compression')),
      bitsPerKey: list(15),
    },
  }
}

function decodeTable(fields: FieldReader): TableInfo {
  const numbers = new Map<number, number>()
  const bytes = new Map<number, Uint8Array>()
  while (fields.next()) {
    const { tag } = fields
    if (tag === 7) bytes.set(tag, fields.bytes(SALT_BYTES))
    else if (tag === 13 || tag === 15) bytes.set(tag, fields.rest(KEY_MAX_BYTES))
    else if (tag === 23) bytes.set(tag, fields.bytes(CHECKSUM_BYTES))
    else if (tag === 2 || tag === 4 || tag === 6 || (tag <= 21 && tag % 2 === 1))
      numbers.set(tag, fields.number())
    else fields.unknown()
  }
  fields.demand(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23)
  const number = (tag: number): number => numbers.get(tag) ?? 0
  const content = (tag: number): Uint8Array => bytes.get(tag) ?? new Uint8Array(0)
  return {
    id: number(3),
    keyspaceId: number(1),
    level: number(9),
    run: number(11),
    sizeBytes: number(5),
    salt: content(7),
    smallestKey: content(13),
    largestKey: content(15),
    lowestSeqno: number(17),
    highestSeqno: number(19),
    entries: number(21),
    tombstones: number(2),
    hiddenVersions: number(4),
    createdAt: number(6),
    fileChecksum: content(23),
  }
}
