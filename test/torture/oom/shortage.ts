/** A page pool that runs short where it is told to, and an account of what was taken from it and not given back. */
import {
  CACHE_PAGES,
  CONTROL_CACHE,
  CONTROL_FREE_PAGES,
  CONTROL_PAGE_COUNT,
} from '../../../assembly/memory/layout.ts'
import { Kernel } from '../../../src/kernel/kernel.ts'
import { original } from '../../support/original.ts'

/** Calls that give a pointer, or 0 without pages. */
export const GIVERS: ReadonlySet<string> = new Set([
  'allocatePage',
  'allocateOwnPage',
  'allocateRecord',
  'allocateChain',
  'createMemtable',
  'streamCreate',
  'builderCreate',
])
/** Their pages are there before they are called: what a group can need is seen to before its seqnos are taken. */
const PAID_FOR: ReadonlySet<string> = new Set([
  'applyEntries',
  'applyLarge',
  'allocateChain',
  'memtableIndex',
])

/** A call of the kernel that took pages, or might have. */
export interface Allocation {
  /** Among all calls of the kernel, from 0. */
  readonly call: number
  readonly name: string
  /** Pages it took. */
  readonly pages: number
}

export interface Shortage {
  readonly call: number
  readonly name: string
  /** The call finds so many pages; undefined: it is refused, though there are pages or free records. */
  readonly left: number | undefined
  /** How long there are no more. */
  readonly until: 'call' | 'step'
}

/** What of a database's memory is in use and by what. */
export interface Account {
  /** By size, or by the name of the call that gave them. */
  readonly held: Record<string, number>
  /** Pages that neither the block cache nor records have. */
  readonly pages: number
}

type Call = (...args: number[]) => number

/** All kernels that are made while it is installed run short as it says. One database at a time. */
export class ScarcePool {
  readonly allocations: Allocation[] = []
  /** Whether allocations are listed. */
  listing = true
  /** Whether the shortage came. */
  hit = false
  readonly #shortage: Shortage | undefined
  #cap: number
  #calls = 0
  #kernel: Kernel | undefined
  #taken = 0
  #held = new Map<string, number>()
  #recordPages = 0

  /** `cap`: a kernel has so many pages at most, until `end`. */
  constructor(shortage?: Shortage, cap: number = Infinity) {
    this.#shortage = shortage
    this.#cap = cap
  }

  /** Runs `body` with every kernel that is made meanwhile on this pool. */
  async during<T>(body: () => Promise<T>): Promise<T> {
    const create = original(Kernel, 'create')
    // NOTE: the same heights in the skiplists every time, so that the same steps make the same calls.
    Kernel.create = (memoryLimit) => this.#watch(create.call(Kernel, memoryLimit, new Uint8Array(8).fill(7)))
    try {
      return await body()
    } finally {
      Kernel.create = create
    }
  }

  /** Pages are there again. */
  end(): void {
    if (this.#taken > 0 && this.#kernel !== undefined)
      Atomics.add(this.#kernel.words, CONTROL_FREE_PAGES >>> 2, this.#taken)
    this.#taken = 0
    this.#cap = Infinity
  }

  account(): Account {
    const kernel = this.#kernel
    if (kernel === undefined) throw new Error('there is no kernel')
    const { u32 } = kernel
    const held = Object.fromEntries([...this.#held].filter(([, count]) => count !== 0).sort())
    const cachePages = u32[(CONTROL_CACHE + CACHE_PAGES) >>> 2] as number
    const used = (u32[CONTROL_PAGE_COUNT >>> 2] as number) - kernel.freePages()
    return { held, pages: used - cachePages - this.#recordPages }
  }

  #watch(kernel: Kernel): Kernel {
    this.#kernel = kernel
    this.#taken = 0
    this.#held = new Map()
    this.#recordPages = 0
    this.#take(kernel, this.#cap)
    const watched: Record<string, unknown> = {}
    for (const [name, call] of Object.entries(kernel.exports as unknown as Record<string, Call>)) {
      watched[name] = typeof call === 'function' ? this.#around(kernel, name, call) : call
    }
    Object.defineProperty(kernel, 'exports', { value: watched })
    return kernel
  }

  #around(kernel: Kernel, name: string, call: Call): Call {
    const mayFail = !PAID_FOR.has(name)
    return (...args) => {
      const number = this.#calls++
      const shortage = this.#shortage?.call === number && mayFail ? this.#shortage : undefined
      const before = kernel.freePages()
      if (shortage !== undefined) {
        if (shortage.name !== name) throw new Error(`the workload is not deterministic: ${name}`)
        this.hit = true
        this.#take(kernel, shortage.left ?? (shortage.until === 'step' ? 0 : before))
      }
      const refused = shortage !== undefined && shortage.left === undefined
      const result = refused ? 0 : call(...args)
      if (shortage?.until === 'call') this.end()
      if (this.listing && this.#shortage === undefined && mayFail) {
        const pages = before - kernel.freePages()
        if (GIVERS.has(name) || pages > 0) this.allocations.push({ call: number, name, pages })
      }
      if (!refused) this.#enter(kernel, name, args, result, before)
      return result
    }
  }

  #take(kernel: Kernel, left: number): void {
    const count = Math.max(0, kernel.freePages() - left)
    Atomics.sub(kernel.words, CONTROL_FREE_PAGES >>> 2, count)
    this.#taken += count
  }

  #enter(kernel: Kernel, name: string, args: readonly number[], result: number, before: number): void {
    const add = (what: string, count: number): void =>
      void this.#held.set(what, (this.#held.get(what) ?? 0) + count)
    const size = args.at(-1)
    if (name === 'allocateRecord' && result !== 0) {
      add(`record of ${size}`, 1)
      this.#recordPages += before - kernel.freePages()
    } else if (name === 'freeRecord') add(`record of ${size}`, -1)
    else if (name === 'allocatePage' || name === 'allocateOwnPage') add('page', result === 0 ? 0 : 1)
    else if (name === 'freePage') add('page', -1)
    else if (name === 'createMemtable') add('memtable', result === 0 ? 0 : 1)
    else if (name === 'freeMemtable') add('memtable', -1)
    else if (name === 'streamCreate') add('stream', result === 0 ? 0 : 1)
    else if (name === 'streamFree') add('stream', -1)
    else if (name === 'builderCreate') add('builder', result === 0 ? 0 : 1)
    else if (name === 'builderFree') add('builder', -1)
  }
}
