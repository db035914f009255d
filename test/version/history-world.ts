/**
 * A keyspace made of arrays, with the real history and registry: what reads through them must give, against a log that is
 * replayed for every question.
 */
import { CONTROL_VISIBLE_SEQNO } from '../../assembly/memory/layout.ts'
import {
  AREA_BYTES,
  SnapshotRegistry,
  type AreaAllocator,
  type Registration,
} from '../../src/version/snapshot-registry.ts'
import { VersionHistory } from '../../src/version/version-history.ts'

export interface Step {
  step:
    | 'put'
    | 'clear'
    | 'snapshot'
    | 'loadSeqno'
    | 'release'
    | 'rotate'
    | 'beginFlush'
    | 'installFlush'
    | 'beginGc'
    | 'finishGc'
  /** Which key, snapshot or memtable, modulo how many there are. */
  at: number
}

interface Entry {
  key: number
  seqno: number
}

/** A memtable or a table. */
interface Source {
  entries: Entry[]
  isTable: boolean
}

interface SuperVersion {
  seqno: number
  /** Newest first; the first is the active memtable. */
  sources: Source[]
}

/** 'none', or what a dropper does wrong: gc keeps nothing for snapshots still to come; or no dropper raises the dropBarrier. */
export type Fault = 'none' | 'gc without barrier' | 'barrier not raised'

/** What a dropper knows when it begins. */
interface Survey {
  barrier: number
  snapshots: number[]
}

/** A registry's memory with a counter for its areas. */
export function registryMemory(areas = 64): { memory: SharedArrayBuffer; allocator: AreaAllocator } {
  const base = 65536
  const memory = new SharedArrayBuffer(base + areas * AREA_BYTES)
  let next = base
  publish(memory, 1)
  return {
    memory,
    allocator: {
      allocate: () => {
        next += AREA_BYTES
        return next - AREA_BYTES
      },
      free: () => undefined,
    },
  }
}

export function publish(memory: ArrayBufferLike, visibleSeqno: number): void {
  Atomics.store(new BigInt64Array(memory), CONTROL_VISIBLE_SEQNO >>> 3, BigInt(visibleSeqno))
}

export class HistoryWorld {
  readonly #fault: Fault
  readonly #memory: SharedArrayBuffer
  readonly #registry: SnapshotRegistry
  readonly #history: VersionHistory<SuperVersion>
  /** Everything that happened; a clear has no key. */
  readonly #log: { seqno: number; key: number | undefined }[] = []
  #snapshots: Registration[] = []
  #seqno = 1
  /** The S of a snapshot whose thread has loaded it and not yet stored it. */
  #loaded: number | undefined
  #flush: { memtable: Source; table: Source } | undefined
  #gc: Survey | undefined
  #lastGc: Survey | undefined

  constructor(fault: Fault) {
    this.#fault = fault
    const { memory, allocator } = registryMemory()
    this.#memory = memory
    this.#registry = new SnapshotRegistry(memory, allocator)
    this.#history = new VersionHistory({ seqno: 0, sources: [memtable()] })
  }

  run({ step, at }: Step): void {
    const { latest } = this.#history
    switch (step) {
      case 'put':
        latest.sources[0]?.entries.push({ key: at, seqno: this.#commit(at) })
        return
      case 'clear': {
        const seqno = this.#seqno
        this.#history.append({ seqno, sources: [memtable()] })
        this.#commit(undefined)
        return
      }
      case 'snapshot':
        this.#snapshots.push(this.#registry.register(this.#loaded ?? this.#seqno))
        this.#loaded = undefined
        return
      case 'loadSeqno':
        this.#loaded ??= this.#seqno
        return
      case 'release': {
        const [released] = this.#snapshots.splice(at % (this.#snapshots.length || 1), 1)
        if (released !== undefined) this.#registry.release(released)
        return
      }
      case 'rotate':
        this.#history.replaceLatest({ seqno: latest.seqno, sources: [memtable(), ...latest.sources] })
        return
      case 'beginFlush': {
        const sealed = new Set<Source>()
        for (const { sources } of this.#history) {
          for (const source of sources)
            if (!source.isTable && source !== latest.sources[0]) sealed.add(source)
        }
        const source = [...sealed][at % (sealed.size || 1)]
        if (source === undefined) return
        const survey = this.#survey()
        this.#flush = {
          memtable: source,
          table: { entries: keepReadable(source.entries, survey), isTable: true },
        }
        return
      }
      case 'installFlush': {
        const flush = this.#flush
        this.#flush = undefined
        if (flush === undefined) return
        this.#history.replaceAll((each) =>
          each.sources.includes(flush.memtable)
            ? {
                seqno: each.seqno,
                sources: each.sources.map((source) => (source === flush.memtable ? flush.table : source)),
              }
            : each,
        )
        return
      }
      case 'beginGc':
        this.#gc ??= this.#survey()
        return
      case 'finishGc':
        if (this.#gc === undefined) return
        this.#history.gc(
          this.#fault === 'gc without barrier' ? Infinity : this.#gc.barrier,
          this.#gc.snapshots,
        )
        this.#lastGc = this.#gc
        this.#gc = undefined
    }
  }

  /** The S, registered or latest, whose read is not the state at S. */
  wrongReads(): number[] {
    const asked = [...this.#snapshots.map(({ seqno }) => seqno), this.#seqno]
    return asked.filter((seqno) => {
      try {
        return this.#read(seqno) !== this.#stateAt(seqno)
      } catch {
        return true
      }
    })
  }

  /** SuperVersions that neither a registered S nor one that the last gc had to expect reads through. */
  unneeded(): number[] {
    const { barrier, snapshots } = this.#lastGc as Survey
    const needed = new Set([this.#history.latest])
    for (let s = 1; s <= this.#seqno; s++) {
      if (s >= barrier || snapshots.includes(s)) needed.add(this.#history.getVersionForSnapshot(s))
    }
    return [...this.#history].filter((each) => !needed.has(each)).map(({ seqno }) => seqno)
  }

  #survey(): Survey {
    const barrier = this.#fault === 'barrier not raised' ? this.#seqno : this.#registry.raiseBarrier()
    return { barrier, snapshots: this.#registry.live() }
  }

  #commit(key: number | undefined): number {
    const seqno = this.#seqno++
    this.#log.push({ seqno, key })
    publish(this.#memory, this.#seqno)
    return seqno
  }

  #read(seqno: number): string {
    const newest = new Map<number, number>()
    for (const { entries } of this.#history.getVersionForSnapshot(seqno).sources) {
      for (const entry of entries) {
        if (entry.seqno < seqno && entry.seqno > (newest.get(entry.key) ?? 0))
          newest.set(entry.key, entry.seqno)
      }
    }
    return text(newest)
  }

  #stateAt(seqno: number): string {
    const state = new Map<number, number>()
    for (const change of this.#log) {
      if (change.seqno >= seqno) break
      if (change.key === undefined) state.clear()
      else state.set(change.key, change.seqno)
    }
    return text(state)
  }
}

function memtable(): Source {
  return { entries: [], isTable: false }
}

/** Drops entries that have a newer one of their key, unless some S ≥ barrier or some snapshot lies between the two. */
function keepReadable(entries: readonly Entry[], { barrier, snapshots }: Survey): Entry[] {
  return entries.filter(({ key, seqno }) => {
    const newer = entries.filter((other) => other.key === key && other.seqno > seqno)
    if (newer.length === 0) return true
    const end = Math.min(...newer.map((other) => other.seqno))
    return end >= barrier || snapshots.some((s) => s > seqno && s <= end)
  })
}

function text(state: ReadonlyMap<number, number>): string {
  return JSON.stringify([...state].sort(([a], [b]) => a - b))
}
