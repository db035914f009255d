import {
  CONTROL_DROP_BARRIER,
  CONTROL_SNAPSHOTS,
  CONTROL_SNAPSHOTS_LIVE,
  CONTROL_SNAPSHOTS_USED,
  CONTROL_VISIBLE_SEQNO,
} from '../../assembly/memory/layout.ts'

// The registered seqnos lie in areas, zeroed records of linear memory that are added as needed and never given back:
//
//   0                8       16
//   ├ u32 next area ┼ zero ┼ u64 ┼ u64 ┼ …        u64: S | (thread slot + 1) << 56; 0: free
//
// CONTROL_SNAPSHOTS is the first area, CONTROL_SNAPSHOTS_USED the number of slots that were ever taken, over all areas.
const NEXT_AREA = 0
const SLOTS_AT = 8
export const AREA_BYTES = 4096
export const AREA_SLOTS: number = (AREA_BYTES - SLOTS_AT) / 8
const THREAD_SHIFT = 56n
const SEQNO_MASK = (1n << THREAD_SHIFT) - 1n

/** Where the areas come from. */
export interface AreaAllocator {
  /** A zeroed record of AREA_BYTES. @throws NO_MEMORY */
  allocate(): number
  free(area: number): void
}

/** An S that is kept readable. */
export interface Registration {
  readonly seqno: number
  /** Address of its slot. */
  readonly address: number
}

/**
 * The seqnos that reads hold, shared by all threads of a memory, and the dropBarrier: what is dropped is chosen by scanning the
 * registry, and the barrier tells a snapshot that came too late for the scan.
 *
 * Without a lock. Seqnos are u64 words, read and written whole: Atomics on a BigInt64Array (sequentially consistent).
 *
 * ORDER: register: (1) count the slot as used, (2) store S in it, (3) load dropBarrier, and take a new S if it is above.
 * A dropper: (a) raise dropBarrier to visibleSeqno, (b) load how many slots are used, (c) scan them. If (3) comes before (a), the
 * scan finds S. If it comes after, S is not below the barrier, and the dropper keeps everything that a read
 * from there on can ask for.
 */
export class SnapshotRegistry {
  readonly #words: Int32Array
  readonly #longs: BigInt64Array
  readonly #allocator: AreaAllocator
  /** What its thread's entries hold besides S. */
  readonly #mark: bigint
  /** The areas this thread knows, in their order. */
  readonly #areas: number[] = []
  /** Where this thread looks for a free slot first. */
  #hint = 0

  /** `slot`: index of the thread's slot. */
  constructor(memory: ArrayBufferLike, allocator: AreaAllocator, slot = 0) {
    this.#words = new Int32Array(memory)
    this.#longs = new BigInt64Array(memory)
    this.#allocator = allocator
    this.#mark = BigInt(slot + 1) << THREAD_SHIFT
  }

  get dropBarrier(): number {
    return Number(Atomics.load(this.#longs, CONTROL_DROP_BARRIER >>> 3))
  }

  /**
   * Keeps an S readable until it is released: `seqno` (what a read under way has used; at least 1), or a newer one if that may have
   * lost entries already. Without `seqno` the newest.
   * INVARIANT: the S returned is not below any barrier raised before, or in every scan that followed one.
   * @throws NO_MEMORY
   */
  register(seqno: number = this.#visibleSeqno()): Registration {
    if (!Number.isSafeInteger(seqno) || seqno < 1) throw new RangeError('seqno must be an integer from 1 on')
    let kept = seqno
    const address = this.#take(this.#mark | BigInt(kept))
    // NOTE: the barrier is never above visibleSeqno, so this ends unless it is raised again each time.
    while (this.dropBarrier > kept) {
      kept = this.#visibleSeqno()
      Atomics.store(this.#longs, address >>> 3, this.#mark | BigInt(kept))
    }
    return { seqno: kept, address }
  }

  release({ seqno, address }: Registration): void {
    const entry = this.#mark | BigInt(seqno)
    if (Atomics.compareExchange(this.#longs, address >>> 3, entry, 0n) !== entry) {
      throw new Error(`snapshot ${seqno} is released twice`)
    }
    Atomics.sub(this.#words, CONTROL_SNAPSHOTS_LIVE >>> 2, 1)
    this.#hint = this.#indexOf(address)
  }

  /** Releases all that the thread with slot `slot` has registered. INVARIANT: it registers and releases nothing any more. */
  releaseOf(slot: number): void {
    const used = this.#used()
    for (let i = 0; i < used; i++) {
      const at = this.#slot(i)
      if (Atomics.load(this.#longs, at) >> THREAD_SHIFT !== BigInt(slot + 1)) continue
      Atomics.store(this.#longs, at, 0n)
      Atomics.sub(this.#words, CONTROL_SNAPSHOTS_LIVE >>> 2, 1)
    }
  }

  /**
   * First step of everything that drops: B = dropBarrier = max(dropBarrier, visibleSeqno). Then, and not before, live() is
   * asked for; an S ≥ B may be read though it is not there.
   * @returns B
   */
  raiseBarrier(): number {
    const visible = Atomics.load(this.#longs, CONTROL_VISIBLE_SEQNO >>> 3)
    let barrier = Atomics.load(this.#longs, CONTROL_DROP_BARRIER >>> 3)
    while (barrier < visible) {
      const found = Atomics.compareExchange(this.#longs, CONTROL_DROP_BARRIER >>> 3, barrier, visible)
      if (found === barrier) return Number(visible)
      barrier = found
    }
    return Number(barrier)
  }

  /** The registered seqnos, ascending, each once. */
  live(): number[] {
    const seqnos = new Float64Array(this.#scan())
    seqnos.sort()
    return [...new Set(seqnos)]
  }

  oldest(): number | undefined {
    let oldest: number | undefined
    for (const seqno of this.#scan()) if (oldest === undefined || seqno < oldest) oldest = seqno
    return oldest
  }

  #scan(): number[] {
    const used = this.#used()
    const seqnos: number[] = []
    for (let i = 0; i < used; i++) {
      const entry = Atomics.load(this.#longs, this.#slot(i))
      if (entry !== 0n) seqnos.push(Number(entry & SEQNO_MASK))
    }
    return seqnos
  }

  /** Stores an entry in a free slot. @returns the slot's address */
  #take(entry: bigint): number {
    for (;;) {
      const used = this.#used()
      const live = Atomics.load(this.#words, CONTROL_SNAPSHOTS_LIVE >>> 2)
      const start = this.#hint
      for (let step = 0; live < used && step < used; step++) {
        const index = (start + step) % used
        if (this.#tryTake(index, entry)) return this.#taken(index)
      }
      // CRASH: an area without a used slot is harmless.
      this.#areaOf(used)
      const found = Atomics.compareExchange(this.#words, CONTROL_SNAPSHOTS_USED >>> 2, used, used + 1)
      if (found === used && this.#tryTake(used, entry)) return this.#taken(used)
    }
  }

  #tryTake(index: number, entry: bigint): boolean {
    const slot = this.#slot(index)
    // NOTE: a plain look first, since most slots are taken where a search is long.
    return (
      Atomics.load(this.#longs, slot) === 0n && Atomics.compareExchange(this.#longs, slot, 0n, entry) === 0n
    )
  }

  #taken(index: number): number {
    Atomics.add(this.#words, CONTROL_SNAPSHOTS_LIVE >>> 2, 1)
    this.#hint = index + 1
    return this.#slot(index) * 8
  }

  #visibleSeqno(): number {
    return Number(Atomics.load(this.#longs, CONTROL_VISIBLE_SEQNO >>> 3))
  }

  #used(): number {
    return Atomics.load(this.#words, CONTROL_SNAPSHOTS_USED >>> 2)
  }

  /** Index of a slot's word. */
  #slot(index: number): number {
    return (this.#areaOf(index) + SLOTS_AT + (index % AREA_SLOTS) * 8) >>> 3
  }

  #indexOf(address: number): number {
    const area = this.#areas.findIndex((start) => address > start && address < start + AREA_BYTES)
    return area < 0 ? 0 : area * AREA_SLOTS + (address - (this.#areas[area] as number) - SLOTS_AT) / 8
  }

  /** The area of slot `index`, made now if there is none. INVARIANT: that of slot `index - 1` exists. */
  #areaOf(index: number): number {
    const number = Math.floor(index / AREA_SLOTS)
    while (this.#areas.length <= number) {
      const last = this.#areas.at(-1)
      const link = last === undefined ? CONTROL_SNAPSHOTS : last + NEXT_AREA
      this.#areas.push(Atomics.load(this.#words, link >>> 2) >>> 0 || this.#addArea(link))
    }
    return this.#areas[number] as number
  }

  #addArea(link: number): number {
    const area = this.#allocator.allocate()
    // ORDER: other threads see the zeroed area before its address.
    const found = Atomics.compareExchange(this.#words, link >>> 2, 0, area) >>> 0
    if (found === 0) return area
    this.#allocator.free(area)
    return found
  }
}
