import {
  ENTRY_HEADER_BYTES,
  ENTRY_KEYSPACE,
  ENTRY_KEY_LENGTH,
  ENTRY_TYPE,
  ENTRY_VALUE_LENGTH,
  INLINE_VALUE_LIMIT_BYTES,
  KEY_MAX_BYTES,
  STATUS_OK,
} from '../../assembly/memory/layout.ts'
import { VarveError } from '../errors.ts'
import { FRAME_HEADER_BYTES, KIND_BATCH } from '../journal/format.ts'
import { applyPayload } from './apply.ts'
import type { Durability } from './durability.ts'
import type { Engine } from './engine.ts'
import { contentBound, copyContent, keyTooLong, RecordBuffer, valueTooLong, type Content } from './record.ts'
import { stalled } from './room.ts'
import { StagingArea, type StagedGroup } from './staging.ts'
import type { TreeDoor } from './tree-door.ts'

/** A group of un-awaited writes is committed by the put that brings it here. */
const GROUP_BYTES = 262144

/**
 * The way of a write: staged in program order, then, one group at a time: room made, seqnos taken, journalled with one write(2),
 * inserted, published (docs/architecture.md, "A write"). Nothing is applied before the journal has it; nothing that can fail comes after.
 */
export class WritePath {
  readonly #engine: Engine
  readonly #staging: StagingArea = new StagingArea()
  /** Where a single entry is built without a journal, and where larger records pass through on their way in. */
  readonly #page: number
  /** For values too large for the page. */
  readonly #single: RecordBuffer = new RecordBuffer()
  #turnEndScheduled = false
  #draining: Promise<void> | undefined

  constructor(engine: Engine) {
    this.#engine = engine
    this.#page = engine.kernel.page()
  }

  get pendingBytes(): number {
    return this.#staging.bytes
  }

  // ── single writes ───────────────────────────────────────────────────────────────────────────────────────

  /** Writes one entry now. Allocates nothing. */
  putSync(
    tree: TreeDoor,
    type: number,
    key: Content,
    value: Content,
    durability: Durability | undefined,
  ): void {
    const engine = this.#engine
    engine.assertWritable(tree)
    if (!this.#staging.empty) this.drainSync()
    const keyBound = contentBound(key)
    const valueBound = contentBound(value)
    if (keyBound > KEY_MAX_BYTES || valueBound >= INLINE_VALUE_LIMIT_BYTES) {
      this.#single.clear()
      this.#single.add(type, tree.id, key, value, engine.valueLimitBytes)
      this.#commit(this.#single, durability)
      if (this.#single.bytes.byteLength > GROUP_BYTES) this.#single.shrink()
    } else {
      const bound = ENTRY_HEADER_BYTES + keyBound + valueBound
      engine.room.lockForEntry(tree)
      try {
        this.#commitEntry(tree, bound, type, key, value, durability)
      } finally {
        engine.thread.unlockJournal()
      }
    }
    this.#afterCommit(durability)
  }

  /** Commits one entry of at most `bound` bytes as a group. INVARIANT: there is room, and the journal is locked. */
  #commitEntry(
    tree: TreeDoor,
    bound: number,
    type: number,
    key: Content,
    value: Content,
    durability: Durability | undefined,
  ): void {
    const { kernel, thread } = this.#engine
    const { exports, slot } = kernel
    const { journal } = thread
    const at = journal === undefined ? this.#page : journal.reserve(bound)
    const length = this.#encode(at, type, tree.id, key, value)
    probeStack(PROBE_DEPTH, 0, 0, 0, 0)
    let journalled = false
    try {
      thread.inGroup = true
      exports.beginGroup(slot, 1)
      if (journal !== undefined) journal.append(KIND_BATCH, 1, length, this.#holds(durability))
      journalled = true
      const status = exports.applyEntries(slot, tree.active, at, at + length, tree.id, 0)
      if (status !== STATUS_OK) throw unexpected(status)
      exports.publishGroup(slot)
      thread.inGroup = false
    } catch (error) {
      throw this.#groupFailure(error, journalled)
    }
  }

  /** Stages one entry; it is committed at the end of the turn, with the others of this turn. */
  put(
    tree: TreeDoor,
    type: number,
    key: Content,
    value: Content,
    durability: Durability | undefined,
  ): Promise<void> {
    const engine = this.#engine
    const staging = this.#staging
    try {
      // NOTE: the epoch begins when the group is committed: what the disk refuses is refused to the whole group.
      engine.assertReadable(tree)
      engine.assertUnpoisoned()
      this.#assertPending(staging.bytes)
    } catch (error) {
      return Promise.reject(error)
    }
    const group = staging.openGroup(durability)
    const before = group.record.end
    try {
      group.record.add(type, tree.id, key, value, engine.valueLimitBytes)
    } catch (error) {
      if (group.record.count === 0) staging.dropEmpty(group)
      throw error
    }
    staging.bytes += group.record.end - before
    if (group.record.end >= GROUP_BYTES) {
      group.open = false
      this.#drainSoon()
    } else if (!this.#turnEndScheduled) {
      this.#turnEndScheduled = true
      queueMicrotask(this.#turnEnd)
    }
    return group.promise
  }

  // ── batches ─────────────────────────────────────────────────────────────────────────────────────────────

  /** An empty record for a batch. INVARIANT: who has it committed forgets it. */
  record(): RecordBuffer {
    return this.#staging.record()
  }

  commitSync(record: RecordBuffer, durability: Durability | undefined): void {
    this.#engine.assertOpen()
    this.drainSync()
    if (record.count === 0) return
    this.#commit(record, durability)
    this.#afterCommit(durability)
    this.#staging.recycle(record)
  }

  commit(record: RecordBuffer, durability: Durability | undefined): Promise<void> {
    const staging = this.#staging
    try {
      this.#engine.assertOpen()
      if (!staging.empty) this.#assertPending(staging.bytes + record.payloadBytes)
    } catch (error) {
      return Promise.reject(error)
    }
    if (record.count === 0 && staging.empty) return Promise.resolve()
    const group = staging.push(record, durability)
    this.#drainSoon()
    return group.promise
  }

  // ── draining ────────────────────────────────────────────────────────────────────────────────────────────

  /** Commits everything staged, making room on this thread if it must. Failures go to the groups' promises. */
  drainSync(): void {
    const staging = this.#staging
    for (let group = staging.head(); group !== undefined; group = staging.head()) {
      staging.shift()
      this.#settle(group)
    }
  }

  /** Commits everything staged, waiting for room without blocking. */
  async drain(): Promise<void> {
    this.#drainSoon()
    while (this.#draining !== undefined) await this.#draining
  }

  #assertPending(bytes: number): void {
    if (bytes <= this.#engine.options.maxPendingBytes) return
    throw new VarveError(
      'WRITE_STALLED',
      `${bytes} bytes of writes would be waiting (maxPendingBytes); await some of them before writing more.`,
    )
  }

  readonly #turnEnd = (): void => {
    this.#turnEndScheduled = false
    this.#drainSoon()
  }

  /** Commits staged groups as far as there is room at once; the rest when there is. */
  #drainSoon(): void {
    if (this.#draining !== undefined) return
    const { room } = this.#engine
    const staging = this.#staging
    for (let group = staging.head(); group !== undefined; group = staging.head()) {
      if (room.mustWait(group.record)) {
        this.#draining = this.#drainLater()
        return
      }
      staging.shift()
      this.#settle(group)
    }
  }

  async #drainLater(): Promise<void> {
    // NOTE: at least one await, so that #draining is set before this ends.
    await null
    try {
      const staging = this.#staging
      for (let group = staging.head(); group !== undefined; group = staging.head()) {
        const problem = await this.#waitForRoom(group).catch((error: unknown) => error)
        if (staging.head() !== group) continue
        staging.shift()
        if (problem === undefined) this.#settle(group)
        else group.reject(problem)
      }
    } finally {
      this.#draining = undefined
    }
  }

  /** Waits until there is room for the oldest group, or somebody else committed it. @throws WRITE_STALLED when the time is up */
  async #waitForRoom(group: StagedGroup): Promise<void> {
    const { room, options, thread } = this.#engine
    const deadline = Date.now() + options.stallTimeout
    const startMs = performance.now()
    let waited = false
    while (this.#staging.head() === group && room.mustWait(group.record)) {
      if (Date.now() >= deadline) throw stalled(options.stallTimeout)
      waited = true
      await room.progress(group.record, deadline)
    }
    if (!waited) return
    thread.noteStall(performance.now() - startMs)
  }

  /** Commits a group and settles its promise: now, or when the sync it asked for is done. */
  #settle(group: StagedGroup): void {
    const engine = this.#engine
    try {
      engine.assertOpen()
      if (group.record.count > 0) this.#commit(group.record, group.durability)
    } catch (error) {
      group.reject(error)
      return
    }
    if (this.#level(group.durability) === 'sync') {
      engine.thread.syncJournalAsync().then(group.resolve, group.reject)
    } else {
      engine.keeper.noteUnsynced()
      group.resolve()
    }
    this.#staging.recycle(group.record)
  }

  // ── committing ──────────────────────────────────────────────────────────────────────────────────────────

  /** Commits a record as one group. @throws without having applied anything. */
  #commit(record: RecordBuffer, durability: Durability | undefined): void {
    const engine = this.#engine
    for (const id of record.keyspaceIds) engine.assertWritable(engine.tree(id))
    if (record.memtableBytes > engine.batchLimitBytes) {
      throw new RangeError(
        `the batch takes ${record.memtableBytes} bytes in memory; at most ${engine.batchLimitBytes} are possible (memoryLimit / 4)`,
      )
    }
    engine.room.lockForRecord(record)
    try {
      this.#commitRecord(record, durability)
    } finally {
      engine.thread.unlockJournal()
    }
  }

  /** Commits a record as one group. INVARIANT: there is room, and the journal is locked. */
  #commitRecord(record: RecordBuffer, durability: Durability | undefined): void {
    const engine = this.#engine
    const { kernel, thread } = engine
    const { exports, slot } = kernel
    engine.assertUnpoisoned()
    probeStack(PROBE_DEPTH, 0, 0, 0, 0)
    let journalled = false
    try {
      thread.inGroup = true
      exports.beginGroup(slot, record.count)
      thread.journal?.appendRecord(record.bytes, record.payloadBytes, record.count, this.#holds(durability))
      journalled = true
      applyPayload(kernel, this.#page, record.bytes, FRAME_HEADER_BYTES, record.end, (id) => ({
        memtable: engine.tree(id)?.active ?? 0,
        flushedSeqno: 0,
      }))
      exports.publishGroup(slot)
      thread.inGroup = false
    } catch (error) {
      throw this.#groupFailure(error, journalled)
    }
  }

  /**
   * What became of a group that failed after its seqnos were taken: a full disk before anything was journalled is undone already; anything
   * else (a trap, no stack left) may be half in the journal or in memory, and only a reopen tells the same story to everyone.
   */
  #groupFailure(error: unknown, journalled: boolean): unknown {
    if (!journalled && error instanceof VarveError && error.code === 'DISK_FULL') {
      this.#engine.thread.inGroup = false
      return error
    }
    return this.#engine.thread.poison(error)
  }

  #afterCommit(durability: Durability | undefined): void {
    if (this.#level(durability) === 'sync') this.#engine.thread.syncJournal()
    else this.#engine.keeper.noteUnsynced()
  }

  #level(durability: Durability | undefined): Durability | 'none' {
    const own = this.#engine.options.durability
    return own === 'none' || durability === undefined ? own : durability
  }

  /** Whether a frame may wait in the journal's buffer. */
  #holds(durability: Durability | undefined): boolean {
    return this.#level(durability) === 'buffered'
  }

  /** Builds an entry at `at`. @returns its length. @throws RangeError */
  #encode(at: number, type: number, keyspaceId: number, key: Content, value: Content): number {
    const { u8, view, text } = this.#engine.kernel
    const keyAt = at + ENTRY_HEADER_BYTES
    let keyLength: number
    if (typeof key === 'string') keyLength = text.write(key, keyAt)
    else keyLength = copyContent(u8, key, keyAt)
    if (keyLength > KEY_MAX_BYTES) throw keyTooLong(keyLength)
    const valueAt = keyAt + keyLength
    let valueLength: number
    if (typeof value === 'string') valueLength = text.write(value, valueAt)
    else valueLength = copyContent(u8, value, valueAt)
    if (valueLength > this.#engine.valueLimitBytes)
      throw valueTooLong(valueLength, this.#engine.valueLimitBytes)
    view.setUint32(at + ENTRY_VALUE_LENGTH, valueLength, true)
    view.setUint16(at + ENTRY_KEY_LENGTH, keyLength, true)
    view.setUint16(at + ENTRY_TYPE, type, true)
    view.setUint32(at + ENTRY_KEYSPACE, keyspaceId, true)
    return valueAt + valueLength - at
  }
}

function unexpected(status: number): Error {
  return new Error(`the kernel refused an entry it was promised room for (status ${status})`)
}

/** About the frames between taking a group's seqnos and handing it to the file; what overflows below all the same poisons. */
const PROBE_DEPTH = 8

/** Overflows the stack here, where nothing has happened yet, rather than in the middle of a group. */
function probeStack(depth: number, a: number, b: number, c: number, d: number): number {
  return depth === 0 ? a + b + c + d : probeStack(depth - 1, a + 1, b + 2, c + 3, d + 4) + 1
}
