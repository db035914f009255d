import { VarveError } from '../errors.ts'
import type { Content, ViewId, WriteDurability, Writes } from '../remote/messages.ts'
import type { Line } from './line.ts'

/** What a write costs beside its key and value. */
const WRITE_BYTES = 16

interface Group {
  readonly view: ViewId
  readonly durability: WriteDurability
  readonly writes: Writes
  sizeBytes: number
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A turn's un-awaited writes: those that follow each other, to one keyspace with one durability, are one call and have one promise. */
export class WriteGroups {
  readonly #line: Line
  readonly #maxPendingBytes: number
  /** In the order of their writes; the last one takes more. */
  #groups: Group[] = []
  #bytes = 0

  constructor(line: Line, maxPendingBytes: number) {
    this.#line = line
    this.#maxPendingBytes = maxPendingBytes
    line.onFlush = () => this.leave()
    line.hasWaitingWrites = () => this.#groups.length > 0
  }

  add(
    view: ViewId,
    kind: number,
    key: Content,
    value: Content | undefined,
    durability: WriteDurability,
  ): Promise<void> {
    const waiting = this.#line.pendingBytes + this.#bytes
    if (waiting > this.#maxPendingBytes) return Promise.reject(tooMuch(waiting))
    const group = this.#group(view, durability)
    const sizeBytes = key.length + (value?.length ?? 0) + WRITE_BYTES
    group.writes.push(kind, key, value)
    group.sizeBytes += sizeBytes
    this.#bytes += sizeBytes
    return group.promise
  }

  /** Makes calls of the groups. NOTE: whatever is called for after them must come after them. */
  leave(): void {
    const groups = this.#groups
    this.#groups = []
    this.#bytes = 0
    for (const { view, writes, durability, sizeBytes, resolve, reject } of groups)
      this.#line.call('write', [view, writes, durability], { sizeBytes }).then(resolve, reject)
  }

  #group(view: ViewId, durability: WriteDurability): Group {
    const last = this.#groups.at(-1)
    if (last !== undefined && last.view === view && last.durability === durability) return last
    let resolve!: () => void
    let reject!: (error: unknown) => void
    const promise = new Promise<void>((yes, no) => {
      resolve = yes
      reject = no
    })
    const group: Group = { view, durability, writes: [], sizeBytes: 0, promise, resolve, reject }
    this.#groups.push(group)
    this.#line.flushSoon()
    return group
  }
}

function tooMuch(bytes: number): VarveError {
  return new VarveError(
    'WRITE_STALLED',
    `${bytes} bytes of writes would be waiting (maxPendingBytes); await some of them before writing more.`,
  )
}
