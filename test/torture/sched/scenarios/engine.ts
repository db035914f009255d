/**
 * The engine's own TypeScript over the explored kernel: writes (WritePath), reads (PointReader) and snapshots of a keyspace, while its memtables are sealed, flushed and
 * cleared (Tree, Reclaimer). What is visible at S is found, and nothing else; what is read is not freed; and after a trap nothing is written.
 */
import {
  CONTROL_JOURNAL_LOCK,
  CONTROL_VISIBLE_SEQNO,
  PAGE_BYTES,
  SLOT_COUNT_RESULT,
  SLOT_GROUP_END,
  SLOT_LENGTH,
  SLOT_POINTER,
  SLOT_READ_SEQNO,
  STATUS_DONE,
  STATUS_FOUND,
  TREE_BYTES,
  TYPE_VALUE,
} from '../../../../assembly/memory/layout.ts'
import type { Engine } from '../../../../src/engine/engine.ts'
import type { EngineOptions } from '../../../../src/engine/thread.ts'
import type { TreePosition } from '../../../../src/engine/tree-position.ts'
import type { TreeDoor } from '../../../../src/engine/tree-door.ts'
import type { Tree } from '../../../../src/engine/tree.ts'
import type { FileSystem } from '../../../../src/fs/filesystem.ts'
import type { Kernel } from '../../../../src/kernel/kernel.ts'
import type { TableFile } from '../../../../src/table/table-file.ts'
import type { KeyspacePolicy } from '../../../../src/version/keyspace-policy.ts'
import { bytes, encode, put } from '../../../kernel/entries.ts'
import { SHARD } from '../cache-reader.ts'
import type { ExploredSources } from '../explored-sources.ts'
import { EngineHistory, newest, type Write } from '../engine-history.ts'
import { type FlushedEntry, flushedTable } from '../flushed-tables.ts'
import { KernelWorld } from '../kernel-world.ts'
import { readChunk, text } from '../memtable-reader.ts'
import { replayedKernel } from '../replayed-kernel.ts'
import { shredFreed } from '../shred.ts'
import type { ThreadDoor } from '../replayed-thread.ts'
import type { Body, End, Scene } from '../scene.ts'
import { expectThat } from '../violation.ts'

/**
 * `put b`; `get b` of the latest state; `hold b`: registers the latest S and reads b at it; `range`: the same for all keys; `leave`: gives the slot back. Of one thread, the keeper: `rotate` seals the active memtable and opens
 * another; `flush` puts a table in the place of what is sealed; `clear`; `collect` drops the SuperVersions that nobody can ask for; `drop`: the keyspace goes.
 */
export type EngineMove =
  | `put ${string}`
  | `get ${string}`
  | `hold ${string}`
  | 'range'
  | 'leave'
  | 'rotate'
  | 'flush'
  | 'clear'
  | 'collect'
  | 'drop'

export interface EngineSetup {
  /** Keys written before, one after another. */
  readonly keys: string
  /** They lie in a memtable that is sealed; the active one is empty. */
  readonly isSealed?: boolean
  readonly threads: readonly (readonly EngineMove[])[]
  /** The keeper's calls trap too, not only those of the others. */
  readonly keeperTraps?: boolean
}

const KEYSPACE = 0
const PROBES_AT = 4096

export class EngineScene implements Scene {
  readonly trapping: readonly number[]
  readonly world: KernelWorld = new KernelWorld(40)
  readonly #setup: EngineSetup
  readonly #slots: readonly number[]
  /** A page of each thread's own. */
  readonly #pages: readonly number[]
  readonly #chunks: readonly number[]
  readonly #record: number
  readonly #initial: Write[] = []
  /** Tables that a flush may write: all versions, or the newest of each key. */
  readonly #tables: TableFile[] = []
  #tree: TreeDoor | undefined
  #history: EngineHistory

  constructor(setup: EngineSetup) {
    this.#setup = setup
    this.trapping = setup.threads.flatMap((moves, t) =>
      setup.keeperTraps === true || !moves.some(isKeepers) ? [t] : [],
    )
    const { shipped } = this.world
    this.#slots = setup.threads.map(() => shipped.attachSlot(shipped.takeSlot()) >>> 0)
    this.#pages = setup.threads.map(() => shipped.allocatePage() >>> 0)
    this.#chunks = setup.threads.map(() => shipped.allocatePage() >>> 0)
    this.#record = shipped.allocateRecord(TREE_BYTES) >>> 0
    if (shipped.cacheCreate(8, 0) === 0) throw new Error('no pages for the cache')
    this.#history = new EngineHistory(this.world, this.#slots, this.#initial)
  }

  bodies(sources: ExploredSources): readonly Body[] {
    const { keys, isSealed = false, threads } = this.#setup
    const { world } = this
    const kernel = replayedKernel(sources, world, 0, this.#pages[0] as number)
    const reclaimer = new sources.Reclaimer(kernel)
    const identity = {
      id: KEYSPACE,
      name: '',
      record: this.#record,
      keyEncoding: undefined,
      valueEncoding: undefined,
    }
    const tree = sources.Tree.plant(
      kernel,
      reclaimer,
      identity,
      sources.Version.empty,
      new Map(),
      0,
      {} as KeyspacePolicy,
    )
    tree.openMemtable(0)
    for (const key of keys) this.#putAtOnce(tree, key)
    if (isSealed) {
      tree.rotate()
      tree.openMemtable(0)
    }
    this.#makeTables()
    // The first area of the registry, which is made once.
    const thread = this.#thread(sources, kernel)
    thread.snapshots.letGo(thread.snapshots.holdLatest())
    const position = tree.handOver()
    this.#tree = tree.door
    for (const page of this.#pages) for (let i = 0; i < 128; i++) world.u8[page + PROBES_AT + 16 * i] = i
    return threads.map((moves, t) => (door) => this.#run(sources, moves, t, door, position))
  }

  begin(): void {
    this.#history = new EngineHistory(this.world, this.#slots, this.#initial)
    // Where writes build their entries.
    for (const page of this.#pages) this.world.touched.touch(page, 256)
  }

  // ── what they leave ──────────────────────────────────────────────────────────────────────────────────────

  check(end: End): void {
    const history = this.#history
    history.checkReads()
    history.checkFailures(end, this.#isDropped)
    // NOTE: nobody reads the cache any more whose shard a dead thread has locked.
    if (this.#isDropped || this.#isShardLocked()) return
    const visible = this.world.long(CONTROL_VISIBLE_SEQNO)
    const writes = history.all()
    for (const key of 'abc') {
      const found = this.#readAtOnce(key, visible)
      const expected = newest(writes, key, visible)
      expectThat(found === expected, () => `in the end ${key} is ${found}, not ${expected}`)
    }
  }

  get #isDropped(): boolean {
    return this.#setup.threads.some((moves) => moves.includes('drop'))
  }

  #isShardLocked(): boolean {
    return this.world.word(SHARD) !== 0
  }

  /** Whoever waits for a dead thread waits for the journal lock, or for a shard of the cache. */
  stuck(end: End): void {
    if (this.#isShardLocked()) return
    const owner = this.world.word(CONTROL_JOURNAL_LOCK) - 1
    expectThat(owner === end.dead, () => `thread ${end.dead} is dead, the others wait for ${owner}`)
  }

  #readAtOnce(key: string, s: number): string | undefined {
    const { inner } = this.world
    const slot = this.#slots[0] as number
    const superVersion = this.#tree?.superVersionAt(s) ?? 0
    const status = inner.pointRead(slot, superVersion, this.#probe(0, key), 1, s)
    const found = status === STATUS_FOUND ? this.#value(slot) : undefined
    // The next read lets go of the block that this one has pinned.
    inner.pointRead(slot, superVersion, this.#probe(0, key), 0, 1)
    return found
  }

  #value(slot: number): string {
    const { world } = this
    return text(world.u8, world.word(slot + SLOT_POINTER), Math.min(64, world.word(slot + SLOT_LENGTH)))
  }

  // ── what they begin with ─────────────────────────────────────────────────────────────────────────────────

  #putAtOnce(tree: Tree, key: string): void {
    const { shipped, u8 } = this.world
    const slot = this.#slots[0] as number
    const seqno = this.#initial.length + 1
    const write = { key, value: `${key}${seqno}`, seqno, ended: -1 }
    this.#initial.push(write)
    const encoded = encode([put(key, write.value, KEYSPACE)])
    const page = this.#pages[0] as number
    u8.set(encoded, page)
    shipped.beginGroup(slot, 1)
    shipped.applyEntries(slot, tree.door.active, page, page + encoded.length, KEYSPACE, 0)
    shipped.publishGroup(slot)
  }

  /** What the flush of the keeper's finds: what was there, and what the keeper has put before. NOTE: nobody else writes then. */
  #makeTables(): void {
    const { threads, isSealed = false } = this.#setup
    const keeper = threads.find((moves) => moves.includes('flush'))
    if (keeper === undefined) return
    const entries: FlushedEntry[] = [...this.#initial]
    const moves = isSealed ? [] : keeper.slice(0, keeper.indexOf('flush'))
    for (const move of moves) {
      const [name, key = ''] = move.split(' ')
      const seqno = entries.length + 1
      if (name === 'put') entries.push({ key, seqno, value: `${key}${seqno}` })
    }
    entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : b.seqno - a.seqno))
    const newestOnly = entries.filter(({ key }, i) => entries[i - 1]?.key !== key)
    for (const [i, list] of [entries, newestOnly].entries())
      this.#tables.push(flushedTable(this.world, this.#slots[0] as number, i + 1, list))
  }

  #probe(thread: number, key: string): number {
    return (this.#pages[thread] as number) + PROBES_AT + 16 * key.charCodeAt(0)
  }

  #thread(sources: ExploredSources, kernel: Kernel): Engine['thread'] {
    return new sources.DatabaseThread(
      kernel,
      {} as FileSystem,
      { memoryLimit: PAGE_BYTES, durability: 'none' } as EngineOptions,
      false,
    )
  }

  // ── what they do ─────────────────────────────────────────────────────────────────────────────────────────

  #run(
    sources: ExploredSources,
    moves: readonly EngineMove[],
    t: number,
    door: ThreadDoor,
    position: TreePosition,
  ): void {
    const kernel = replayedKernel(sources, this.world, t, this.#pages[t] as number, door)
    shredFreed(kernel, this.world, door)
    const thread = this.#thread(sources, kernel)
    // What else these parts ask of an engine; a keeper makes no room here.
    const engine = {
      kernel,
      thread,
      snapshots: thread.snapshots,
      options: { durability: 'none', memtableSize: PAGE_BYTES },
      valueLimitBytes: PAGE_BYTES,
      keeper: { noteUnsynced: () => undefined, call: stalled },
      assertWritable: () => thread.assertUnpoisoned(undefined),
    } as unknown as Engine
    Object.assign(engine, { room: new sources.Room(engine) })
    const isKeeper = moves.some(isKeepers)
    const tree = isKeeper
      ? sources.Tree.takeOver(kernel, new sources.Reclaimer(kernel), position, new Map())
      : undefined
    const treeDoor = new sources.TreeDoor(kernel, position.identity)
    const reader = new sources.PointReader(engine)
    const writer = new sources.WritePath(engine)
    for (const move of moves) {
      const [name, key = ''] = move.split(' ')
      try {
        if (name === 'put')
          this.#put(t, door, key, (k, v) => writer.putSync(treeDoor, TYPE_VALUE, k, v, undefined))
        else if (name === 'get') this.#get(t, door, key, (probe) => reader.find(treeDoor, probe, 1, 0, false))
        else if (name === 'hold') {
          this.#get(t, door, key, (probe) => {
            const held = thread.snapshots.holdLatest()
            const isFound = reader.find(treeDoor, probe, 1, held.seqno, false)
            thread.snapshots.letGo(held)
            return isFound
          })
        } else if (name === 'range') this.#range(t, door, engine, treeDoor)
        else if (name === 'leave') kernel.exports.giveSlot(t)
        else this.#change(sources, move, t, door, engine, tree as Tree)
        thread.endRead()
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined
        door.once(() => this.#history.failures.push({ thread: t, code, message: String(error) }))
      }
    }
  }

  #put(t: number, door: ThreadDoor, key: string, commit: (key: Uint8Array, value: Uint8Array) => void): void {
    const write = door.once(() => {
      const { begun, writes } = this.#history
      // NOTE: what the keeper flushes has values that are known before.
      const value = `${key}${this.#initial.length + writes.length + 1}${t === 0 ? '' : `of ${t}`}`
      begun.set(t, { write: { key, value }, end: this.#history.groupEnd(t) })
      return { key, value }
    })
    commit(bytes(key), bytes(write.value))
    door.once(() => {
      const { begun, writes } = this.#history
      begun.delete(t)
      writes.push({ ...write, seqno: this.#history.groupEnd(t) - 1, ended: door.moves })
    })
  }

  #get(t: number, door: ThreadDoor, key: string, find: (probe: number) => boolean): void {
    const { world } = this
    const slot = this.#slots[t] as number
    const began = door.now()
    const isFound = find(this.#probe(t, key))
    const s = door.once(() => world.long(slot + SLOT_READ_SEQNO))
    // What was found stays until the read is over, whatever the others do first.
    const at = door.once(() => world.word(slot + SLOT_POINTER))
    const value = isFound ? door.plain(at, false, () => this.#value(slot)) : undefined
    door.once(() => this.#history.reads.push({ key, s, value, began }))
  }

  /** A merge of memtables and tables, as RangeCursor begins it, at a registered S. */
  #range(t: number, door: ThreadDoor, { kernel, thread, snapshots }: Engine, treeDoor: TreeDoor): void {
    const { exports, slot } = kernel
    const chunk = this.#chunks[t] as number
    const began = door.now()
    const held = snapshots.holdLatest()
    thread.beginRead()
    exports.mergeBegin(slot, treeDoor.superVersionAt(held.seqno), held.seqno, 0, 0, -1, 0, 0)
    const status = exports.mergeFill(slot, chunk, PAGE_BYTES, 1000, 0, 0, -1, 0)
    door.once(() => {
      expectThat(status === STATUS_DONE, () => `a range ends with status ${status}`)
      const found = readChunk(this.world, chunk, this.world.word(slot + SLOT_COUNT_RESULT))
      const values = new Map(found.map(({ key, value }) => [key, value]))
      for (const key of 'abc') this.#history.reads.push({ key, s: held.seqno, value: values.get(key), began })
    })
    exports.mergeEnd(slot)
    thread.endRead()
    snapshots.letGo(held)
  }

  #change(
    sources: ExploredSources,
    move: EngineMove,
    t: number,
    door: ThreadDoor,
    { kernel, thread, snapshots }: Engine,
    tree: Tree,
  ): void {
    switch (move) {
      case 'rotate':
        thread.locked(() => {
          tree.rotate()
          tree.openMemtable(0)
        })
        return
      case 'flush': {
        const { barrier, snapshots: live } = snapshots.beginDropping()
        const [all, newestOnly] = this.#tables as [TableFile, TableFile]
        const table = this.#mayDrop(barrier, live) ? newestOnly : all
        const change = { removed: [], added: [table.info], opened: [table] }
        const prepared = tree.prepare({ memtables: tree.sealed, ...change })
        thread.locked(() => prepared.install())
        return
      }
      case 'clear':
        thread.locked(() => {
          const { exports, slot } = kernel
          const prepared = tree.prepareAppend(exports.nextSeqno(), sources.Version.empty, [], false)
          exports.beginGroup(slot, 1)
          const seqno = door.once(() => this.world.long(slot + SLOT_GROUP_END) - 1)
          prepared.install()
          door.once(() => this.#history.writes.push({ key: '', value: '', seqno, ended: Infinity }))
          exports.publishGroup(slot)
          tree.openMemtable(0)
        })
        return
      case 'collect': {
        const { barrier, snapshots: live } = snapshots.beginDropping()
        tree.collect(barrier, live)
        return
      }
      default:
        thread.locked(() => tree.free())
    }
  }

  /** The rule of docs/concurrency.md for the two versions of a key that a flush finds here. */
  #mayDrop(barrier: number, live: readonly number[]): boolean {
    const seqnos = this.#tables[0]?.info
    if (seqnos === undefined) return false
    const { lowestSeqno: s, highestSeqno: e } = seqnos
    return e < barrier && !live.some((each) => each > s && each <= e)
  }
}

function isKeepers(move: EngineMove): boolean {
  return !/^(?:put|get|hold|range|leave)/.test(move)
}

function stalled(): never {
  throw Object.assign(new Error('there is no room'), { code: 'WRITE_STALLED' })
}
