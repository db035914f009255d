import { CONTROL_UNSYNCED } from '../../assembly/memory/layout.ts'
import type { Keeper } from './keeper.ts'
import { VarveError } from '../errors.ts'
import { journalFileName } from '../fs/file-names.ts'
import type { File } from '../fs/filesystem.ts'
import { JournalRecord } from '../journal/journal-record.ts'
import type { JournalLink } from '../journal/format.ts'
import type { JournalWriter } from '../journal/writer.ts'
import type { VersionEdit } from '../version/edit.ts'

/** With more live journals than this the keyspaces that hold the oldest one back are flushed. */
const LIVE_JOURNALS_LIMIT = 4
/** The journal is synced in the background at least this often while there is something to sync. */
const SYNC_INTERVAL_MS = 1000
/** What the last open left undone is taken up so long after this one: who opens asks for something at once, which comes first. */
const TIDY_AFTER_MS = 50

/** A journal that is named and empty. */
interface NextJournal {
  readonly file: File
  readonly record: JournalRecord
}

/** A journal that takes no more frames. */
export interface LeftJournal {
  readonly id: number
  readonly sizeBytes: number
}

/**
 * The journals of an open database: the one that is written, those that replay would still need, and when they rotate, are synced and go.
 * Under durability `none` there is no current one.
 */
export class Journals {
  readonly #keeper: Keeper
  /** Older ones that are live, oldest first. */
  #left: LeftJournal[] = []
  /** The previous journal, as long as it may have to be synced. */
  #previous: JournalWriter | undefined
  /** Earlier ones whose file is open as long as a thread syncs it. */
  readonly #closing = new Set<JournalWriter>()
  /** Ready to take over; kept when the old one could not be sealed. */
  #next: NextJournal | undefined
  /** Ids of those that the clean close under way gives up. */
  #givenUp: number[] = []
  #writeTimer: Timer | undefined
  #syncTimer: Timer | undefined
  #tidyTimer: Timer | undefined

  constructor(keeper: Keeper) {
    this.#keeper = keeper
  }

  get current(): JournalWriter | undefined {
    return this.#keeper.thread.journal
  }

  /** What a memtable that is begun now notes as its first journal; 0 without one. */
  get currentId(): number {
    return this.current?.id ?? 0
  }

  /** Whether the next group should go to a new journal. */
  get full(): boolean {
    return this.current?.isFull === true
  }

  /** Live journals and their bytes. */
  get count(): number {
    return this.#left.length + (this.current === undefined ? 0 : 1)
  }

  get sizeBytes(): number {
    let bytes = this.current === undefined ? 0 : this.current.length + this.current.bufferedBytes
    for (const journal of this.#left) bytes += journal.sizeBytes
    return bytes
  }

  /** Journals found at open that replay still needs, oldest first. */
  adopt(journals: readonly LeftJournal[]): void {
    this.#left = [...journals, ...this.#left]
  }

  /** The older ones, for the thread that goes on; the current one lies in linear memory. INVARIANT: this one does nothing more. */
  handOver(): LeftJournal[] {
    this.stop()
    this.#closePrevious()
    return this.#left
  }

  /** Whether nothing is under way but the current journal. */
  get isSettled(): boolean {
    return this.#next === undefined && this.#previous?.isSyncing !== true
  }

  /** The first journal of an epoch, created and named by the caller. */
  begin(writer: JournalWriter): void {
    this.#keeper.thread.journal = writer
  }

  /**
   * Leaves the current journal for a new one if it is full. Between groups only.
   * CRASH: a new journal that no edit names is an orphan; named and empty it ends the log without damage.
   */
  rotateIfFull(): void {
    const old = this.current
    if (old === undefined || !this.full) return
    const { thread, catalog } = this.#keeper
    this.sync()
    this.#next ??= this.#createNext()
    const { file, record } = this.#next
    let link: JournalLink
    thread.lockJournal()
    try {
      // NOTE: most is written and synced already; what others wrote meanwhile is handed over here, and synced below.
      link = thread.guarded(() => old.seal())
      const nextSeqno = this.#keeper.kernel.exports.nextSeqno()
      const next = this.#keeper.newJournal(file, record, link, nextSeqno, old)
      this.#next = undefined
      thread.journal = next
    } finally {
      thread.unlockJournal()
    }
    this.#closePrevious()
    this.#previous = old
    this.#left.push({ id: old.id, sizeBytes: old.length })
    // ORDER: the edit that seals follows the sync of what it seals, and no sync of the new journal comes before it.
    thread.guarded(() => this.current?.syncEarlier())
    catalog.defer([sealEdit(link)])
    this.thinOut()
  }

  /** A file and a page for the journal that comes next, and an edit that names it. */
  #createNext(): NextJournal {
    const keeper = this.#keeper
    const { catalog, files } = keeper
    const id = catalog.newFileId()
    const file = files.create(journalFileName(id), true)
    let record: JournalRecord | undefined
    try {
      record = JournalRecord.create(keeper.kernel, id, file)
      keeper.syncDirectory()
      catalog.log([{ type: 'journalCreated', id }])
      return { file, record }
    } catch (error) {
      record?.discard()
      file.close()
      if (keeper.writable) files.removeOrphan(file.name)
      throw error
    }
  }

  /** Makes everything acknowledged durable. Without a journal it does nothing. @throws DISK_FULL, POISONED */
  sync(): void {
    this.#keeper.thread.syncJournal()
  }

  syncAsync(): Promise<void> {
    return this.#keeper.thread.syncJournalAsync()
  }

  /** Called after every commit: sees to it that what is buffered or unsynced does not stay so. */
  noteUnsynced(): void {
    const { current } = this
    if (current === undefined) return
    this.#syncTimer ??= timer(this.#syncSoon, SYNC_INTERVAL_MS)
    if (current.bufferedBytes > 0)
      this.#writeTimer ??= timer(this.#writeOutSoon, this.#keeper.options.flushInterval)
  }

  /** Edits that give up the journals below the oldest one a memtable needs. */
  obsolete(): { edits: VersionEdit[]; ids: number[] } {
    const floor = Math.min(this.#oldestNeeded(), this.current?.id ?? Infinity)
    const ids = this.#left.filter((journal) => journal.id < floor).map((journal) => journal.id)
    if (ids.length === 0) return { edits: [], ids }
    const oldest = this.#left.find((journal) => journal.id >= floor)?.id ?? this.currentId
    return { edits: removalEdits(ids, oldest), ids }
  }

  /** The oldest journal that holds what is in no table; Infinity: none does. */
  #oldestNeeded(): number {
    let oldest = Infinity
    for (const tree of this.#keeper.trees.values()) {
      for (const { entries, firstJournal } of tree.memtables()) {
        if (entries > 0 && firstJournal > 0) oldest = Math.min(oldest, firstJournal)
      }
    }
    return oldest
  }

  /** Deletes journals that nothing needs any more. */
  removeObsolete(): void {
    const { edits, ids } = this.obsolete()
    if (ids.length === 0) return
    const { catalog, files } = this.#keeper
    try {
      catalog.log(edits)
    } catch (error) {
      // NOTE: on a full disk they stay until the next time.
      if (error instanceof VarveError && error.code === 'DISK_FULL') return
      throw error
    }
    catalog.coverBySuperblock()
    this.#left = this.#left.filter((journal) => !ids.includes(journal.id))
    if (this.#previous !== undefined && ids.includes(this.#previous.id)) {
      this.#closePrevious()
    }
    for (const id of ids) files.removeOrphan(journalFileName(id))
  }

  /** Ends the current journal for a clean close. @returns edits that seal it, and give up all journals if all they hold is in tables */
  finish(): VersionEdit[] {
    const { current } = this
    this.stop()
    if (current === undefined) return []
    current.sync()
    const edits: VersionEdit[] = [sealEdit(current.seal())]
    if (this.#oldestNeeded() < Infinity) return edits
    this.#givenUp = [...this.#left.map(({ id }) => id), current.id]
    // NOTE: the floor says up to where journals were named: one above it would prove that the manifest lost its end.
    return [...edits, ...removalEdits(this.#givenUp, current.id)]
  }

  /**
   * Deletes what the clean close gave up, so that the next open has nothing to scan. To be called once a superblock covers that.
   * CRASH: before that they are orphans, which the next open that writes deletes.
   */
  removeGivenUp(): void {
    const ids = this.#givenUp
    if (ids.length === 0) return
    this.#previous?.close()
    this.current?.close()
    for (const id of ids) this.#keeper.files.removeOrphan(journalFileName(id))
  }

  /** No more timers. */
  stop(): void {
    clearTimeout(this.#writeTimer)
    clearTimeout(this.#syncTimer)
    clearTimeout(this.#tidyTimer)
    this.#writeTimer = undefined
    this.#syncTimer = undefined
    this.#tidyTimer = undefined
  }

  close(): void {
    this.stop()
    this.#next?.file.close()
    this.#previous?.close()
    this.current?.close()
    this.#keeper.thread.journal = undefined
  }

  /** As soon as no thread syncs it any more. */
  #closePrevious(): void {
    const previous = this.#previous
    this.#previous = undefined
    if (previous === undefined) return
    this.#closing.add(previous)
    this.#keeper.reclaimer.retire(
      () => {
        this.#closing.delete(previous)
        previous.close()
        previous.record.free()
      },
      () => previous.isSyncing,
    )
  }

  /** The thread of a slot has ended, in the middle of a sync or not. */
  forgetSyncsOf(slot: number): void {
    for (const journal of [this.current, this.#previous, ...this.#closing])
      journal?.record.forgetSyncsOf(slot)
  }

  /** Whether there are so many that what holds the oldest ones back should be flushed. */
  get crowded(): boolean {
    return this.#left.length >= LIVE_JOURNALS_LIMIT
  }

  /** Whether there are so many that it is flushed at once. */
  get overcrowded(): boolean {
    return this.#left.length >= 2 * LIVE_JOURNALS_LIMIT
  }

  /** After an open: takes up in the background, soon, what was left undone. */
  tidySoon(): void {
    this.#tidyTimer = timer(() => {
      const { writable, catalog, compactor } = this.#keeper
      if (!writable) return
      try {
        if (catalog.begun) this.thinOut()
      } catch {
        // NOTE: a full disk: the next journal tries again. A failure that poisons is what the next call reports.
      }
      compactor.request()
    }, TIDY_AFTER_MS)
  }

  /** Has what holds the oldest journals back flushed, if they are many. */
  thinOut(): void {
    if (!this.crowded) return
    // NOTE: an oldest one that nothing needs any more, as after a clean end, would hide those that something does.
    this.removeObsolete()
    if (!this.crowded) return
    const { trees, flusher, budget } = this.#keeper
    const oldest = this.#left[0]?.id ?? 0
    const stragglers = [...trees.values()].filter((tree) =>
      tree.memtables().some((memtable) => memtable.firstJournal <= oldest),
    )
    // NOTE: a program that never gives the event loop a turn gets no background flush, nor a compaction.
    if (this.overcrowded) {
      for (const tree of stragglers) budget.thinOut(tree)
      flusher.flushAllSync(stragglers)
    } else for (const tree of stragglers) flusher.seal(tree)
  }

  readonly #writeOutSoon = (): void => {
    this.#writeTimer = undefined
    this.#heard()
    const { current } = this
    if (current === undefined || !this.#keeper.writable) return
    try {
      this.#keeper.thread.writeOutJournal()
    } catch {
      // NOTE: a full disk: the frames stay buffered, and every write says DISK_FULL until they could be written.
      this.#writeTimer = timer(this.#writeOutSoon, SYNC_INTERVAL_MS)
    }
  }

  readonly #syncSoon = (): void => {
    this.#syncTimer = undefined
    this.#heard()
    const { current } = this
    if (current === undefined || !this.#keeper.writable) return
    // NOTE: a failure poisons, which the next call reports.
    this.syncAsync().catch(() => undefined)
  }

  /** From here on a commit is news again. ORDER: before what was committed is looked at. */
  #heard(): void {
    Atomics.store(this.#keeper.kernel.words, CONTROL_UNSYNCED >>> 2, 0)
  }
}

type Timer = ReturnType<typeof setTimeout>

/** NOTE: an open database never keeps the process alive; what is buffered at its end is written by the exit hook. */
function timer(step: () => void, delayMs: number): Timer {
  const started = setTimeout(step, delayMs)
  if (typeof started === 'object') started.unref()
  return started
}

/** Edits that give journals up. `floor`: none below it is left; 0: nothing is said of that. */
function removalEdits(ids: readonly number[], floor: number): VersionEdit[] {
  const edits: VersionEdit[] = ids.map((id) => ({ type: 'journalRemoved', id }))
  if (floor > 0) edits.push({ type: 'replayFloor', id: floor }, { type: 'retainFloor', id: floor })
  return edits
}

function sealEdit(link: JournalLink): VersionEdit {
  return { type: 'journalSealed', id: link.id, length: link.length, chain: link.chain }
}
