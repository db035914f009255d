/**
 * What a page and the worker that has the database say to each other, by postMessage or over a BroadcastChannel: calls one way, answers and what happens the other way.
 * Those of one turn travel in one message. Keys and values are text or bytes here; a user's own encodings stay on his page.
 */
import type { SharedReads } from '../api/memory-reads.ts'
import type { TreeIdentity } from '../engine/tree-door.ts'
import type { KeyspaceFigures, StoredKeyspace } from './mirror.ts'
import type { PlainError } from './plain-error.ts'

/** A key or value on its way. */
export type Content = string | Uint8Array

/** How the other side wants to have what is stored. */
export type Wire = 'bytes' | 'utf8'

/** A view of a keyspace that a page numbered; 0 is the default keyspace as bytes. */
export type ViewId = number

export interface WireBounds {
  gte?: Content
  gt?: Content
  lte?: Content
  lt?: Content
  prefix?: Content
}

export interface WireRange extends WireBounds {
  reverse?: boolean
  limit?: number
  snapshot?: number | undefined
}

export type RangeMode = 'entries' | 'keys' | 'values'
export type WriteDurability = 'buffered' | 'os' | 'sync' | undefined

export const WRITE_PUT = 0
export const WRITE_DELETE = 1
export const WRITE_DELETE_WEAK = 2

/** Operations one behind the other, WRITE_FIELDS each: which (WRITE_…), key, value. */
export type Writes = (number | Content | undefined)[]
export const WRITE_FIELDS = 3

/** Keys or values of several entries: texts, or bytes one behind the other with the places where each ends. */
export type Column = string[] | { bytes: Uint8Array; ends: Uint32Array }

/** A piece of a range. */
export interface Page {
  count: number
  keys: Column | undefined
  values: Column | undefined
  isLast: boolean
}

export interface KeyspaceRequest {
  keyEncoding: string | undefined
  valueEncoding: string | undefined
  compaction: unknown
  tables: unknown
}

/** All that can be asked for. */
export interface Calls {
  /** Numbers a view of a keyspace that is there; `treeId` tells it from another one of that name. */
  view(id: ViewId, keyspace: string, treeId: number, keys: Wire, values: Wire): void
  keyspace(name: string, request: KeyspaceRequest): StoredKeyspace
  dropKeyspace(name: string): void
  /** Each by itself. */
  write(view: ViewId, writes: Writes, durability: WriteDurability): void
  /** All or none. `views`: one for each operation. */
  batch(views: ViewId[], writes: Writes, durability: WriteDurability): void
  get(view: ViewId, key: Content, snapshot: number | undefined): Content | undefined
  getMany(view: ViewId, keys: Content[], snapshot: number | undefined): (Content | undefined)[]
  has(view: ViewId, key: Content, snapshot: number | undefined): boolean
  sizeOf(view: ViewId, key: Content, snapshot: number | undefined): number | undefined
  edge(view: ViewId, range: WireRange, isLast: boolean): [Content, Content] | undefined
  count(view: ViewId, range: WireRange): number
  isEmpty(view: ViewId, range: WireRange): boolean
  approximateCount(view: ViewId, bounds: WireBounds): number
  approximateSize(view: ViewId, bounds: WireBounds): number
  /** Begins range `id`; its first piece. */
  openRange(id: number, view: ViewId, mode: RangeMode, range: WireRange): Page
  nextPage(id: number): Page
  endRange(id: number): void
  snapshot(id: number): void
  endSnapshot(id: number): void
  /** Without a view: all keyspaces. */
  flush(view: ViewId | undefined): void
  compact(view: ViewId | undefined, bounds: WireBounds): void
  clear(view: ViewId): void
  dropRange(view: ViewId, bounds: WireBounds): void
  persist(mode: 'os' | 'sync'): void
  verify(): unknown
  /** Somebody looks at figures: they shall come more often. */
  follow(): void
  /** Ends what the call of that number does, if it can be ended. */
  abort(call: number): void
  /** What it takes to read in the memory of who serves; undefined if that cannot be had. */
  memory(): SharedReads | undefined
  /** Where a keyspace is in that memory. */
  identity(view: ViewId): TreeIdentity
  /** A read in the memory has ended that something waits for. */
  readEnded(): void
  close(): void
}

export type CallName = keyof Calls
export type CallResult<N extends CallName> = ReturnType<Calls[N]>

/** A call: what, with which arguments. */
export type WireCall = [name: CallName, ...args: unknown[]]

/** The calls of a turn, numbered from `first` on. NOTE: arrays without names are what a message carries soonest. */
export type CallsMessage = [first: number, calls: WireCall[]]

/** Numbers of calls (one number: from that on, as many as there are results), their results, and what else there is. */
export type AnswersMessage = [ids: number | number[], results: unknown[], news?: News]

/** What is heard beside results. */
export interface News {
  failures?: [id: number, error: PlainError][]
  events?: [name: string, event: object][]
  progress?: [id: number, doneBytes: number, totalBytes: number][]
  figures?: KeyspaceFigures
  /** Nothing more is done here. Calls from this number on were not even begun, and can be asked again of who has the database next. */
  leavingFrom?: number
  /** With it: what was acknowledged as buffered could not be handed to a file. */
  mayHaveLost?: true
}
