import type { VarveError } from '../errors.ts'
import type { File } from '../fs/filesystem.ts'

/** What must be durable before this journal is: the journal before it. */
export interface EarlierJournal {
  sync(): void
  syncAsync(): Promise<void>
}

/** The journal a stage works for. */
export interface SyncClient {
  /** Bytes written to the file so far. */
  length(): number
  /** Set once nothing can be proven any more. */
  poisoned(): VarveError | undefined
  /** Told of every failure. @returns the error to throw now and later */
  syncFailed(cause: unknown): VarveError
}

/**
 * How far a journal file is durable. A sync that started at length L proves L only, whatever was written while it ran;
 * whoever wrote more shares the next one. A failed sync is never retried: the pages it could not write may count
 * as clean afterwards (RELIABILITY 1.4).
 */
export class SyncStage {
  readonly #file: File
  readonly #client: SyncClient
  // INVARIANT: the old journal is synced before the first sync of the next one; a frame here with a synced offset proves it.
  #earlier: EarlierJournal | undefined
  #syncedOffset = 0
  #running: Promise<void> | undefined
  /** What #running will prove; Infinity while it has not asked for the length yet. */
  #runningLength = 0
  #queued: Promise<void> | undefined

  constructor(file: File, client: SyncClient, earlier: EarlierJournal | undefined) {
    this.#file = file
    this.#client = client
    this.#earlier = earlier
  }

  get syncedOffset(): number {
    return this.#syncedOffset
  }

  /** The sync that runs on its own, if any. */
  get running(): Promise<void> | undefined {
    return this.#running
  }

  /** Makes everything written so far durable, now. */
  now(): void {
    try {
      this.#earlier?.sync()
      this.#earlier = undefined
      const length = this.#client.length()
      this.#file.sync()
      this.#prove(length)
    } catch (cause) {
      throw this.#client.syncFailed(cause)
    }
  }

  /** The same without blocking. */
  async(): Promise<void> {
    const length = this.#client.length()
    if (length <= this.#syncedOffset) return Promise.resolve()
    if (this.#running === undefined) return this.#start()
    if (length <= this.#runningLength) return this.#running
    return (this.#queued ??= this.#running.then(() => {
      this.#queued = undefined
      return this.async()
    }))
  }

  #start(): Promise<void> {
    this.#runningLength = Infinity
    const run = this.#run()
    this.#running = run
    return run
  }

  async #run(): Promise<void> {
    const client = this.#client
    try {
      if (this.#earlier !== undefined) await this.#earlier.syncAsync()
      this.#earlier = undefined
      this.#refusePoisoned()
      const length = client.length()
      this.#runningLength = length
      await this.#file.syncAsync()
      // NOTE: if another sync failed meanwhile, the host may have told only that one.
      this.#refusePoisoned()
      this.#prove(length)
    } catch (cause) {
      throw client.syncFailed(cause)
    } finally {
      this.#running = undefined
    }
  }

  #refusePoisoned(): void {
    const poisoned = this.#client.poisoned()
    if (poisoned !== undefined) throw poisoned
  }

  #prove(length: number): void {
    if (length > this.#syncedOffset) this.#syncedOffset = length
  }
}
