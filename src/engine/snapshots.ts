import { AREA_BYTES, SnapshotRegistry, type Registration } from '../version/snapshot-registry.ts'
import type { Kernel } from '../kernel/kernel.ts'

/** The snapshots that are open, oldest first, and their places in the registry that compactions will ask. */
export class Snapshots {
  readonly #open = new Set<OpenSnapshot>()
  readonly #registry: SnapshotRegistry
  /** What is registered, by S. NOTE: shared, so that a range goes on at the S of a snapshot that ends before it, which the barrier may have passed. */
  readonly #held = new Map<number, { readonly registration: Registration; holders: number }>()

  readonly #onRelease: () => void

  /** `onRelease` is called when an S is no longer kept. */
  constructor(kernel: Kernel, onRelease: () => void) {
    this.#onRelease = onRelease
    this.#registry = new SnapshotRegistry(
      kernel.memory.buffer,
      {
        allocate: () => kernel.record(AREA_BYTES),
        free: (area) => kernel.exports.freeRecord(area, AREA_BYTES),
      },
      kernel.slotIndex,
    )
  }

  get count(): number {
    return this.#open.size
  }

  /** The smallest seqno that a snapshot or a range keeps readable; Infinity without one. */
  get oldest(): number {
    return this.#registry.oldest() ?? Infinity
  }

  /** Of the latest state. @throws NO_MEMORY */
  take(): OpenSnapshot {
    const snapshot = new OpenSnapshot(this, this.#share(this.#registry.register()))
    this.#open.add(snapshot)
    return snapshot
  }

  /** Idempotent. */
  end(snapshot: OpenSnapshot): void {
    if (this.#open.delete(snapshot)) this.letGo(snapshot.registration)
  }

  /** Keeps the latest state readable for a range. @throws NO_MEMORY */
  holdLatest(): Registration {
    return this.#share(this.#registry.register())
  }

  /** Keeps S = `seqno` readable for a range, or nothing if entries that it needs may be gone. */
  hold(seqno: number): Registration | undefined {
    const held = this.#held.get(seqno)
    if (held !== undefined) {
      held.holders++
      return held.registration
    }
    const registration = this.#registry.register(seqno)
    if (registration.seqno === seqno) return this.#share(registration)
    this.#registry.release(registration)
    return undefined
  }

  letGo({ seqno }: Registration): void {
    const held = this.#held.get(seqno)
    if (held === undefined || --held.holders > 0) return
    this.#held.delete(seqno)
    this.#registry.release(held.registration)
    this.#onRelease()
  }

  /** Counts a holder of a new registration, or of the older one of the same S. */
  #share(registration: Registration): Registration {
    const held = this.#held.get(registration.seqno)
    if (held === undefined) {
      this.#held.set(registration.seqno, { registration, holders: 1 })
      return registration
    }
    this.#registry.release(registration)
    held.holders++
    return held.registration
  }

  /**
   * What a flush or a compaction that begins now has to keep: B, and the live snapshots.
   * ORDER: the barrier is raised before the registry is scanned (SnapshotRegistry).
   */
  beginDropping(): { barrier: number; snapshots: number[] } {
    const barrier = this.#registry.raiseBarrier()
    return { barrier, snapshots: this.#registry.live() }
  }

  /** Forgets all: the memory is about to be given back, and no longer the registry's. */
  close(): void {
    this.#open.clear()
    this.#held.clear()
  }

  /** Lets go of all that a thread holds, this one or one that has ended. */
  releaseOf(slot: number): void {
    this.#registry.releaseOf(slot)
  }

  [Symbol.iterator](): SetIterator<OpenSnapshot> {
    return this.#open.values()
  }
}

/** What the engine knows of a snapshot. */
export class OpenSnapshot {
  readonly #all: Snapshots
  readonly registration: Registration
  readonly takenAt: number = performance.now()

  constructor(all: Snapshots, registration: Registration) {
    this.#all = all
    this.registration = registration
  }

  get seqno(): number {
    return this.registration.seqno
  }

  get ageMs(): number {
    return performance.now() - this.takenAt
  }

  /** Idempotent. */
  end(): void {
    this.#all.end(this)
  }
}
