import { reconcileEncoding } from '../api/encoding.ts'
import type { DatabaseDurability } from '../engine/durability.ts'
import { VarveError } from '../errors.ts'
import type { Content, ViewId, Wire, WireCall, WriteDurability } from '../remote/messages.ts'
import type { KeyspaceFigures, Opening, StoredKeyspace } from '../remote/mirror.ts'
import { codecOf, type PageCodec } from './codec.ts'
import type { Line } from './line.ts'
import type { PageMemory } from './memory.ts'
import type { WriteGroups } from './write-groups.ts'

/** What all objects of a page that belong to one database share. */
export interface Remote {
  readonly location: string
  readonly line: Line
  readonly groups: WriteGroups
  readonly views: ViewTable
  readonly memory: PageMemory
  /** Of writes that say nothing else. */
  readonly durability: DatabaseDurability
  /** What was learned last. */
  figures: KeyspaceFigures
  opening: Opening
  isClosed: boolean
  /** Numbers for ranges and snapshots. */
  nextId: number
}

/** A keyspace under encodings, as a page has it. */
export interface PageView {
  readonly remote: Remote
  /** While anybody has this, the database is in use; see forgotten.ts. */
  readonly lifeline: object
  readonly id: ViewId
  readonly name: string
  readonly stored: StoredKeyspace
  readonly keys: PageCodec
  readonly values: PageCodec
}

/** The views that a page has numbered: who serves next gets to know of them all. */
export class ViewTable {
  readonly #line: Line
  readonly #ids = new Map<string, ViewId>()
  readonly #calls: WireCall[] = []
  #isFollowing = false

  constructor(line: Line) {
    this.#line = line
  }

  /** The calls that make them known. */
  get calls(): readonly WireCall[] {
    return this.#calls
  }

  /** Figures shall come more often, whoever serves. */
  follow(): void {
    if (this.#isFollowing) return
    this.#isFollowing = true
    this.#calls.push(['follow'])
    this.#line.tell('follow')
  }

  idOf(keyspace: string, treeId: number, keys: Wire, values: Wire): ViewId {
    const description = `${treeId} ${keys} ${values}`
    const known = this.#ids.get(description)
    if (known !== undefined) return known
    const id = this.#ids.size + 1
    this.#ids.set(description, id)
    this.#calls.push(['view', id, keyspace, treeId, keys, values])
    this.#line.tell('view', id, keyspace, treeId, keys, values)
    return id
  }
}

/** @throws CLOSED */
export function assertOpen({ isClosed, location }: Remote): void {
  if (isClosed) throw closedError(location)
}

export function closedError(location: string): VarveError {
  return new VarveError('CLOSED', `The database ${location} is closed; open it again.`)
}

/** What a write asks for that says nothing: what this page's `open` did, whoever has the database. */
export function durabilityOf(remote: Remote, durability: WriteDurability): WriteDurability {
  return durability ?? (remote.durability === 'none' ? undefined : remote.durability)
}

/** Bytes as they are now: the caller may use his array for something else. */
export function owned<T extends Content | undefined>({ line }: Remote, content: T): T {
  return line.arena.own(content)
}

/** See `viewUnder` of the engine's API. @throws TypeError if the keyspace was created with others */
export function pageView(
  remote: Remote,
  lifeline: object,
  name: string,
  stored: StoredKeyspace,
  keyEncoding: unknown,
  valueEncoding: unknown,
  textOfJson: boolean = false,
): PageView {
  const keys = codecOf(keyEncoding, 'keyEncoding')
  const values = codecOf(valueEncoding, 'valueEncoding')
  reconcileEncoding('keyEncoding', keyEncoding, stored.keyEncoding)
  const isText = textOfJson && valueEncoding === 'utf8' && stored.valueEncoding === 'json'
  if (!isText) reconcileEncoding('valueEncoding', valueEncoding, stored.valueEncoding)
  const id = remote.views.idOf(name, stored.treeId, keys.codec.wire, values.codec.wire)
  return { remote, lifeline, id, name, stored, keys: keys.codec, values: values.codec }
}
