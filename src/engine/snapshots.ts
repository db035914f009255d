/** The snapshots that are open, oldest first. */
export class Snapshots {
  readonly #open = new Set<OpenSnapshot>()

  get count(): number {
    return this.#open.size
  }

  take(seqno: number): OpenSnapshot {
    const snapshot = new OpenSnapshot(this.#open, seqno)
    this.#open.add(snapshot)
    return snapshot
  }
}

/** What the engine knows of a snapshot. */
export class OpenSnapshot {
  readonly #all: Set<OpenSnapshot>
  readonly seqno: number

  constructor(all: Set<OpenSnapshot>, seqno: number) {
    this.#all = all
    this.seqno = seqno
  }

  /** Idempotent. */
  end(): void {
    this.#all.delete(this)
  }
}
