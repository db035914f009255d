import { SUPERVERSION_OLDER, TREE_GAP, TREE_MARK, TREE_SUPERVERSION } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { TableFile } from '../table/table-file.ts'
import { VersionHistory } from '../version/version-history.ts'
import type { KeyspacePolicy } from '../version/keyspace-policy.ts'
import type { TableInfo, Version } from '../version/version.ts'
import { TreeCounters } from './counters.ts'
import { freeGap } from './gap.ts'
import { Memtable } from './memtable.ts'
import type { Reclaimer } from './reclaimer.ts'
import { freeSuperVersion, names, superVersionOf, type SuperVersion } from './super-version.ts'
import { TreeDoor, type TreeIdentity } from './tree-door.ts'
import { positionOf, superVersionAt, type TreePosition } from './tree-position.ts'
import { createVersionRecord, freeVersionRecord, NO_TABLES, type VersionRecord } from './version-record.ts'

export interface TableChange {
  readonly removed: readonly TableInfo[]
  /** Those that are moved are among the removed ones too. */
  readonly added: readonly TableInfo[]
  /** The open files of those added that are new. */
  readonly opened: readonly TableFile[]
}

/** Tables in the place of what they were made of. */
export interface Replacement extends TableChange {
  /** The oldest sealed memtables, or none. */
  readonly memtables: readonly Memtable[]
}

/**
 * The SuperVersions that follow a replacement, complete but not yet in use: from here on nothing can fail.
 * INVARIANT: on several threads installed under the journal lock: its holder looks its memtable up in SuperVersions, in no epoch.
 */
export interface PreparedReplacement {
  /** Puts the tables in their place. The memtables are freed; tables removed may be named by older SuperVersions still (sweep). */
  install(): void
  /** Gives everything back. */
  abandon(): void
}

/** Tables that a running job reads. */
export type Pin = ReadonlySet<number>

/**
 * One keyspace's log-structured merge tree: the history of its SuperVersions, and the steps from one to the next. Steps here REPLACE: nothing an
 * open snapshot can ask for goes away. A flush replaces its memtables in every SuperVersion that names them.
 *
 * INVARIANT: one thread takes these steps, the keeper's. Others find the SuperVersions in linear memory, from the tree record on (TreeDoor); what a step replaces is
 * freed when no call can be reading it any more (Reclaimer). The active memtable changes under the journal lock only.
 */
export class Tree {
  readonly id: number
  readonly name: string
  /** Memtable that takes writes; created by the first one. */
  active: Memtable | undefined
  /** Full memtables, newest first. */
  sealed: readonly Memtable[] = []
  /** Open files of the tables that SuperVersions or running jobs name, by table id. */
  readonly files: ReadonlyMap<number, TableFile>
  /** The same keyspace as those who read and write it see it. */
  readonly door: TreeDoor
  /** Every entry with a smaller seqno is in tables. */
  flushedSeqno: number
  dropped = false
  /** Whether of two entries of a key the newer one is found first. Not while a salvage takes up what it finds; nothing is read then. */
  isOrdered = true
  /** How its tables are written and merged. */
  policy: KeyspacePolicy
  readonly counters: TreeCounters = new TreeCounters()
  readonly #kernel: Kernel
  readonly #reclaimer: Reclaimer
  readonly #files: Map<number, TableFile>
  readonly #history: VersionHistory<SuperVersion>
  /** Tables that the newest Version no longer names. */
  #retired: TableInfo[] = []
  readonly #pins = new Set<Pin>()

  private constructor(
    kernel: Kernel,
    reclaimer: Reclaimer,
    identity: TreeIdentity,
    files: Map<number, TableFile>,
    flushedSeqno: number,
    policy: KeyspacePolicy,
    first: SuperVersion,
  ) {
    this.#kernel = kernel
    this.#reclaimer = reclaimer
    this.id = identity.id
    this.name = identity.name
    this.door = new TreeDoor(kernel, identity)
    this.flushedSeqno = flushedSeqno
    this.policy = policy
    this.#files = files
    this.files = files
    this.#history = new VersionHistory(first)
  }

  /** `identity.record`: a tree record for it alone. `tables`: the open files of the Version's tables. @throws NO_MEMORY */
  static plant(
    kernel: Kernel,
    reclaimer: Reclaimer,
    identity: TreeIdentity,
    version: Version,
    tables: ReadonlyMap<number, TableFile>,
    flushedSeqno: number,
    policy: KeyspacePolicy,
  ): Tree {
    const files = new Map<number, TableFile>()
    for (const { id } of version.tables()) files.set(id, tables.get(id) as TableFile)
    const record = createVersionRecord(kernel, version.runs, files)
    const first = superVersionOf(kernel, 0, undefined, [], version, record)
    const tree = new Tree(kernel, reclaimer, identity, files, flushedSeqno, policy, first)
    tree.#publish()
    Atomics.store(kernel.words, (identity.record + TREE_MARK) >>> 2, identity.id + 1)
    return tree
  }

  /** Goes on, on another thread, where `handOver` left off: what lies in linear memory stays as it is. `tables`: the open files of all its tables. */
  static takeOver(
    kernel: Kernel,
    reclaimer: Reclaimer,
    position: TreePosition,
    tables: ReadonlyMap<number, TableFile>,
  ): Tree {
    const files = new Map<number, TableFile>()
    for (const id of position.tables) files.set(id, tables.get(id) as TableFile)
    const memtables = new Map(
      position.memtables.map(({ pointer, firstJournal }) => [
        pointer,
        new Memtable(kernel, pointer, firstJournal),
      ]),
    )
    const memtable = (pointer: number): Memtable => memtables.get(pointer) as Memtable
    const [first, ...later] = position.history.map((each) => superVersionAt(each, memtable))
    if (first === undefined) throw new Error('tree: there is no SuperVersion')
    const { identity, flushedSeqno, policy } = position
    const tree = new Tree(kernel, reclaimer, identity, files, flushedSeqno, policy, first)
    for (const superVersion of later) tree.#history.append(superVersion)
    tree.active = position.active === 0 ? undefined : memtable(position.active)
    tree.sealed = position.sealed.map(memtable)
    tree.#retired = [...position.retired]
    Object.assign(tree.counters, position.counters)
    return tree
  }

  /** Where another thread goes on. INVARIANT: no table is pinned; this one takes no step more. */
  handOver(): TreePosition {
    if (this.#pins.size > 0) throw new Error('tree: a job is running')
    return {
      identity: this.door.identity,
      flushedSeqno: this.flushedSeqno,
      policy: this.policy,
      counters: { ...this.counters },
      memtables: [...new Set([...this.#history].flatMap(({ memtables }) => memtables))].map(
        ({ pointer, firstJournal }) => ({ pointer, firstJournal }),
      ),
      active: this.active?.pointer ?? 0,
      sealed: this.sealed.map(({ pointer }) => pointer),
      history: [...this.#history].map(positionOf),
      tables: [...this.#files.keys()],
      retired: this.#retired,
    }
  }

  /** Whether a running job reads its tables. */
  get isPinned(): boolean {
    return this.#pins.size > 0
  }

  /** The tables of the latest SuperVersion. */
  get version(): Version {
    return this.#history.latest.version
  }

  memtables(): Memtable[] {
    return this.active === undefined ? [...this.sealed] : [this.active, ...this.sealed]
  }

  /** The active memtable, made now if there is none. @throws NO_MEMORY */
  openMemtable(firstJournal: number): Memtable {
    if (this.active !== undefined) return this.active
    const gap = this.#kernel.u32[(this.door.record + TREE_GAP) >>> 2] as number
    const memtable = Memtable.create(this.#kernel, firstJournal, gap)
    try {
      this.#replaceMemtables(memtable, this.sealed)
    } catch (error) {
      // NOTE: what fails behind its publication leaves it in use.
      if (this.active !== memtable) memtable.free()
      throw error
    }
    return memtable
  }

  /** Seals the active memtable; an empty one just goes. @returns it, or undefined when there is nothing to flush */
  rotate(): Memtable | undefined {
    const memtable = this.active
    if (memtable === undefined) return undefined
    if (memtable.entries === 0) {
      this.#replaceMemtables(undefined, this.sealed)
      this.#reclaimer.retire(() => memtable.free())
      return undefined
    }
    this.#replaceMemtables(undefined, [memtable, ...this.sealed])
    return memtable
  }

  /**
   * Everything that a replacement needs: of memtables in every SuperVersion that names them, of tables in the newest one only. NOTE: older ones, from before a change
   * that took tables, still have those, and what is merged or moved could overlap them, or get below them.
   * INVARIANT: installed or abandoned before the next step of the tree. @throws NO_MEMORY
   */
  prepare({ memtables, removed, added, opened }: Replacement): PreparedReplacement {
    const kernel = this.#kernel
    for (const table of opened) this.#files.set(table.info.id, table)
    const made = new Map<SuperVersion, SuperVersion>()
    const abandon = (): void => {
      for (const superVersion of made.values()) freeSuperVersion(this.#kernel, superVersion, true)
      for (const { info } of opened) this.#files.delete(info.id)
    }
    try {
      for (const old of this.#history) {
        const isReplaced = memtables.length > 0 ? names(old, memtables) : old === this.#history.latest
        if (!isReplaced) continue
        const left = old.memtables.filter((memtable) => !memtables.includes(memtable))
        const version = old.version.withTables(added, removed)
        const record = createVersionRecord(kernel, version.runs, this.#files)
        try {
          const active = left.find((memtable) => memtable === this.active)
          made.set(old, superVersionOf(kernel, old.seqno, active, left, version, record))
        } catch (error) {
          freeVersionRecord(kernel, record)
          throw error
        }
      }
    } catch (error) {
      abandon()
      throw error
    }
    return {
      install: () => {
        const replaced = this.#history.replaceAll((old) => made.get(old) ?? old)
        this.sealed = this.sealed.filter((memtable) => !memtables.includes(memtable))
        this.#publish()
        this.#reclaimer.retire(() => {
          for (const old of replaced) freeSuperVersion(this.#kernel, old, true)
          for (const memtable of memtables) memtable.free()
        })
        const ids = new Set(added.map(({ id }) => id))
        this.#retired.push(...removed.filter(({ id }) => !ids.has(id)))
      },
      abandon,
    }
  }

  /**
   * A change of what reads at an S > seqno find, complete but not yet in use: `version` and, with `keepsMemtables`, the memtables. Older ones go on as they were.
   * `opened`: the open files of its new tables. INVARIANT: as `prepare`. @throws NO_MEMORY
   */
  prepareAppend(
    seqno: number,
    version: Version,
    opened: readonly TableFile[],
    keepsMemtables: boolean,
  ): PreparedReplacement {
    const kernel = this.#kernel
    for (const table of opened) this.#files.set(table.info.id, table)
    const abandon = (): void => {
      for (const { info } of opened) this.#files.delete(info.id)
    }
    let record: VersionRecord = NO_TABLES
    let next: SuperVersion
    try {
      record = createVersionRecord(kernel, version.runs, this.#files)
      const active = keepsMemtables ? this.active : undefined
      next = superVersionOf(kernel, seqno, active, keepsMemtables ? this.memtables() : [], version, record)
    } catch (error) {
      freeVersionRecord(kernel, record)
      abandon()
      throw error
    }
    return {
      install: () => {
        const { version: before } = this.#history.latest
        this.#history.append(next)
        this.#publish()
        if (!keepsMemtables) this.active = undefined
        if (!keepsMemtables) this.sealed = []
        for (const table of before.tables()) if (!version.has(table)) this.#retired.push(table)
      },
      abandon: () => {
        freeSuperVersion(this.#kernel, next, true)
        abandon()
      },
    }
  }

  /** Whether there are SuperVersions for older reads only. */
  get hasHistory(): boolean {
    return this.#history.size > 1
  }

  /** Removes SuperVersions that nothing can read any more, and frees memtables that were in no other; the tables are for `sweep`. */
  collect(barrier: number, snapshots: readonly number[]): void {
    const removed = this.#history.gc(barrier, snapshots)
    if (removed.length === 0) return
    const named = new Set([...this.#history].flatMap(({ memtables }) => memtables))
    const dead = new Set(
      removed.flatMap(({ memtables }) => memtables).filter((memtable) => !named.has(memtable)),
    )
    this.#publish()
    this.#reclaimer.retire(() => {
      for (const superVersion of removed) freeSuperVersion(this.#kernel, superVersion, true)
      for (const memtable of dead) memtable.free()
    })
  }

  /** The Versions of all SuperVersions that name all of these, each once. */
  versionsNaming(memtables: readonly Memtable[]): Version[] {
    const versions = new Set<Version>()
    for (const old of this.#history) if (names(old, memtables)) versions.add(old.version)
    return [...versions]
  }

  /** Keeps tables open, though nothing may name them any more, until `unpin`. */
  pin(tables: Iterable<number>): Pin {
    const pin = new Set(tables)
    this.#pins.add(pin)
    return pin
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin)
  }

  /** Whether there are tables that `sweep` would take out. */
  get hasDead(): boolean {
    if (this.#retired.length === 0) return false
    const named = this.#namedIds()
    return this.#retired.some(({ id }) => !named.has(id))
  }

  /** Takes out the removed tables that no SuperVersion and no running job names any more. */
  sweep(): TableFile[] {
    const named = this.#namedIds()
    const dead = this.#retired.filter(({ id }) => !named.has(id))
    this.#retired = this.#retired.filter(({ id }) => named.has(id))
    return dead.map(({ id }) => {
      const file = this.#files.get(id) as TableFile
      this.#files.delete(id)
      return file
    })
  }

  /** What retired tables may still be named by. NOTE: ids, because an older SuperVersion may name a table in the level that it was moved from. */
  #namedIds(): Set<number> {
    const named = new Set<number>([...this.#pins].flatMap((pin) => [...pin]))
    for (const { version } of this.#history) {
      if (version === this.version) continue
      for (const { id } of version.tables()) named.add(id)
    }
    return named
  }

  /** Frees everything in memory but the tables' own records; the tree is gone. The tree record is the caller's. */
  free(): void {
    const { words } = this.#kernel
    const { record } = this.door
    const memtables = new Set([...this.#history].flatMap((superVersion) => superVersion.memtables))
    const superVersions = [...this.#history]
    this.dropped = true
    this.active = undefined
    this.sealed = []
    // INVARIANT: whoever had pinned tables leaves them alone now.
    this.#retired = []
    this.#files.clear()
    Atomics.store(words, (record + TREE_MARK) >>> 2, 0)
    Atomics.store(words, (record + TREE_SUPERVERSION) >>> 2, 0)
    const gap = Atomics.exchange(words, (record + TREE_GAP) >>> 2, 0) >>> 0
    this.#reclaimer.retire(() => {
      for (const superVersion of superVersions) freeSuperVersion(this.#kernel, superVersion, true)
      for (const memtable of memtables) memtable.free()
      if (gap !== 0) freeGap(this.#kernel, gap)
    })
  }

  /**
   * Has the records say what the history says.
   * ORDER: older ones first, so that whoever finds one finds those behind it; the tree record last. Those that are no longer linked stay as they are.
   */
  #publish(): void {
    const { words } = this.#kernel
    let older = 0
    for (const { address } of this.#history) {
      Atomics.store(words, (address + SUPERVERSION_OLDER) >>> 2, older)
      older = address
    }
    Atomics.store(words, (this.door.record + TREE_SUPERVERSION) >>> 2, older)
  }

  #replaceMemtables(active: Memtable | undefined, sealed: readonly Memtable[]): void {
    const { seqno, version, versionRecord } = this.#history.latest
    const memtables = active === undefined ? sealed : [active, ...sealed]
    const next = superVersionOf(this.#kernel, seqno, active, memtables, version, versionRecord)
    const replaced = this.#history.replaceLatest(next)
    this.active = active
    this.sealed = sealed
    this.#publish()
    this.#reclaimer.retire(() => freeSuperVersion(this.#kernel, replaced, false))
  }
}
