import type { VarveError } from '../errors.ts'
import { nextTurn } from '../next-turn.ts'
import type { File } from '../fs/filesystem.ts'
import type { JournalRecord } from './journal-record.ts'
import { SMALL_SYNC_BYTES } from './zeroed-room.ts'

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
  /** Called after each slice of sleep. May poison. */
  slept(): void
  /** Told of every failure. @returns the error to throw now and later */
  syncFailed(cause: unknown): VarveError
}

/**
 * How far a journal file is durable, as far as this thread sees to it. A sync that started at length L proves L only, whatever was written while it ran;
 * whoever wrote more shares the next one. A failed sync is never retried: the pages it could not write may count
 * as clean afterwards (RELIABILITY 1.4).
 */
export class SyncStage {
  readonly #file: File
  readonly #record: JournalRecord
  readonly #client: SyncClient
  // INVARIANT: the old journal is synced before the first sync of the next one; a frame here with a synced offset proves it.
  #earlier: EarlierJournal | undefined
  #running: Promise<void> | undefined
  /** What #running will prove; Infinity while it has not asked for the length yet. */
  #runningLength = 0
  #queued: Promise<void> | undefined
  #ended = false
  /** Why nothing could be proven any more when the stage ended. */
  #endedPoisoned: VarveError | undefined

  constructor(file: File, record: JournalRecord, client: SyncClient, earlier: EarlierJournal | undefined) {
    this.#file = file
    this.#record = record
    this.#client = client
    this.#earlier = earlier
  }

  /** The sync that runs on its own, if any. */
  get running(): Promise<void> | undefined {
    return this.#running
  }

  /** No sync begins any more; one that runs proves nothing, and tells those who wait whether it was durable. INVARIANT: the memory may be given back. */
  end(): void {
    if (!this.#ended && this.#running !== undefined) this.#record.endSync()
    this.#ended = true
    this.#endedPoisoned = this.#client.poisoned()
  }

  /** Makes everything written so far durable, now. `isCut`: and that nothing follows it any more. */
  now(isCut = false): void {
    try {
      this.earlierNow()
      while (this.#record.waitsForEarlier) {
        this.#refusePoisoned()
        this.#record.sleepForEarlier()
        this.#client.slept()
      }
      this.#nowInTurn(isCut ? Infinity : this.#client.length())
    } catch (cause) {
      throw this.#client.syncFailed(cause)
    }
  }

  /**
   * Makes at least `length` bytes durable; Infinity: with a sync of its own.
   * ORDER: one thread at a time, and a failure is known before the next one begins: the host tells it to one caller, and what could not be written counts as clean for the next.
   * So whoever succeeds has been told of nothing because there was nothing. A sync on its own has a descriptor of its own, which is told, too (FileSystem.createSync).
   */
  #nowInTurn(length: number): void {
    const record = this.#record
    while (!record.takeSyncTurn()) {
      this.#refusePoisoned()
      record.sleepForSyncTurn()
      this.#client.slept()
      if (record.syncedOffset >= length) return
    }
    try {
      this.#refusePoisoned()
      if (record.syncedOffset >= length) return
      const reached = this.#client.length()
      this.#file.sync()
      this.#proven(reached)
    } catch (cause) {
      throw this.#client.syncFailed(cause)
    } finally {
      record.giveSyncTurn()
    }
  }

  /** The part that is for the journal before this one. @throws what its sync throws */
  earlierNow(): void {
    if (this.#earlier === undefined) return
    this.#earlier.sync()
    this.#earlier = undefined
    this.#record.waitsForEarlier = false
  }

  /** The same without blocking. */
  async(): Promise<void> {
    const length = this.#client.length()
    if (length <= this.#record.syncedOffset) return Promise.resolve()
    if (this.#running === undefined) return this.#start()
    if (length <= this.#runningLength) return this.#running
    return (this.#queued ??= this.#running.then(() => {
      this.#queued = undefined
      return this.async()
    }))
  }

  #start(): Promise<void> {
    this.#runningLength = Infinity
    this.#record.beginSync()
    const run = this.#run()
    this.#running = run
    return run
  }

  async #run(): Promise<void> {
    const client = this.#client
    try {
      if (this.#earlier !== undefined) await this.#earlier.syncAsync()
      // NOTE: the memory may be another database's by now.
      if (this.#ended) return this.#refuseEnded()
      if (this.#earlier !== undefined) this.#record.waitsForEarlier = false
      this.#earlier = undefined
      while (this.#record.waitsForEarlier) {
        this.#refusePoisoned()
        await nextTurn()
        if (this.#ended) return this.#refuseEnded()
      }
      this.#refusePoisoned()
      const length = client.length()
      this.#runningLength = length
      await this.#file.syncAsync()
      if (this.#ended) return this.#refuseEnded()
      // NOTE: if another sync failed meanwhile, the host may have told only that one.
      this.#refusePoisoned()
      this.#proven(length)
    } catch (cause) {
      throw this.#ended ? (this.#endedPoisoned ?? cause) : client.syncFailed(cause)
    } finally {
      if (!this.#ended) this.#record.endSync()
      this.#running = undefined
    }
  }

  #proven(length: number): void {
    const record = this.#record
    const newBytes = length - record.syncedOffset
    // NOTE: another sync may have proven more.
    if (newBytes > 0) record.wishRoom(this.#file.tearsAtPages === true && newBytes <= SMALL_SYNC_BYTES)
    record.prove(length)
  }

  /** Closing syncs everything, or says why it could not. */
  #refuseEnded(): void {
    if (this.#endedPoisoned !== undefined) throw this.#endedPoisoned
  }

  #refusePoisoned(): void {
    const poisoned = this.#client.poisoned()
    if (poisoned !== undefined) throw poisoned
  }
}
