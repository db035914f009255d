import { VarveError } from '../errors.ts'
import { WRITE_FIELDS, type Content, type WriteDurability, type Writes } from '../remote/messages.ts'
import type { Line } from './line.ts'

interface Group {
  readonly durability: WriteDurability
  readonly writes: Writes
  sizeBytes: number
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A turn's un-awaited writes of one durability: one call, and one promise for all of them. */
export class WriteGroups {
  readonly #line: Line
  readonly #maxPendingBytes: number
  #groups: Group[] = []
  #bytes = 0

  constructor(line: Line, maxPendingBytes: number) {
    this.#line = line
    this.#maxPendingBytes = maxPendingBytes
    line.onFlush = () => this.leave()
  }

  add(
    kind: number,
    view: number,
    key: Content,
    value: Content | undefined,
    sizeBytes: number,
    durability: WriteDurability,
  ): Promise<void> {
    const waiting = this.#line.pendingBytes + this.#bytes
    if (waiting > this.#maxPendingBytes) return Promise.reject(tooMuch(waiting))
    const group = this.#group(durability)
    group.writes.push(kind, view, key, value)
    group.sizeBytes += sizeBytes
    this.#bytes += sizeBytes
    return group.promise
  }

  /** Makes calls of the groups. NOTE: whatever is called for after them must come after them. */
  leave(): void {
    const groups = this.#groups
    this.#groups = []
    this.#bytes = 0
    for (const { writes, durability, sizeBytes, resolve, reject } of groups) {
      const bytes = sizeBytes + (writes.length / WRITE_FIELDS) * 16
      this.#line.call('write', [writes, durability], { sizeBytes: bytes }).then(resolve, reject)
    }
  }

  #group(durability: WriteDurability): Group {
    const found = this.#groups.find((group) => group.durability === durability)
    if (found !== undefined) return found
    let resolve!: () => void
    let reject!: (error: unknown) => void
    const promise = new Promise<void>((yes, no) => {
      resolve = yes
      reject = no
    })
    const group: Group = { durability, writes: [], sizeBytes: 0, promise, resolve, reject }
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
