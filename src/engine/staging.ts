import type { Durability } from './durability.ts'
import { RecordBuffer } from './record.ts'

/** Un-awaited writes of one turn that become one record, or one batch that waits for its turn. */
export interface StagedGroup {
  readonly record: RecordBuffer
  readonly durability: Durability | undefined
  /** Settles when the group is committed and as durable as it asked. */
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** Puts may still be added: it is the last group and made of single writes. */
  open: boolean
}

/** Larger records are left to the garbage collector. */
const KEPT_BYTES = 1048576

function stagedGroup(record: RecordBuffer, durability: Durability | undefined, open: boolean): StagedGroup {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { record, durability, promise, resolve, reject, open }
}

/**
 * The thread's FIFO of writes that are not committed yet: program order per thread. Records of finished groups are
 * used again.
 */
export class StagingArea {
  #groups: StagedGroup[] = []
  #spare: RecordBuffer | undefined
  /** Bytes staged, for `maxPendingBytes`. */
  bytes = 0

  get empty(): boolean {
    return this.#groups.length === 0
  }

  /** The group that takes the next single write of this durability. */
  openGroup(durability: Durability | undefined): StagedGroup {
    const last = this.#groups[this.#groups.length - 1]
    if (last !== undefined && last.open && last.durability === durability) return last
    const group = stagedGroup(this.record(), durability, true)
    this.#groups.push(group)
    return group
  }

  /** Takes back a group that `openGroup` made and nothing was added to. */
  dropEmpty(group: StagedGroup): void {
    const at = this.#groups.indexOf(group)
    if (at >= 0) this.#groups.splice(at, 1)
    this.recycle(group.record)
  }

  /** Appends a whole batch. */
  push(record: RecordBuffer, durability: Durability | undefined): StagedGroup {
    const group = stagedGroup(record, durability, false)
    this.#groups.push(group)
    this.bytes += record.payloadBytes
    return group
  }

  /** The oldest group; it takes no more writes. */
  head(): StagedGroup | undefined {
    const group = this.#groups[0]
    if (group !== undefined) group.open = false
    return group
  }

  /** Removes the oldest group, which was committed or failed. */
  shift(): void {
    const group = this.#groups.shift()
    if (group === undefined) return
    this.bytes -= group.record.payloadBytes
  }

  /** An empty record, of memory that was used before if there is any. */
  record(): RecordBuffer {
    const record = this.#spare ?? new RecordBuffer()
    this.#spare = undefined
    return record
  }

  /** Takes a record nobody uses any more, to be used again. */
  recycle(record: RecordBuffer): void {
    if (this.#spare !== undefined || record.bytes.byteLength > KEPT_BYTES) return
    record.clear()
    this.#spare = record
  }
}
