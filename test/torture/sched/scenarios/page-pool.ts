/** The page pool: no page has two owners, none is lost, and who gets none came at a moment when there was none. */
import {
  CHAIN_CAPACITY,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CONTROL_FREE_HEAD,
  CONTROL_FREE_PAGES,
  CONTROL_FRESH_PAGE,
  CONTROL_PAGE_COUNT,
  CONTROL_PAID_PAGES,
  PAGE_BYTES,
  SLOTS,
  SLOT_BYTES,
  SLOT_INPUT,
  SLOT_MERGE,
} from '../../../../assembly/memory/layout.ts'
import type { Machine } from '../machine.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { type Call, isLinearizable } from '../linearizable.ts'
import { expectThat } from '../violation.ts'

/**
 * What a thread does: takes a page, gives back what it has had longest, takes the pages of its slot. The first thread alone, which stands for the
 * holder of the journal lock: pays for pages, takes a chain of two pages, of those first, gives the chain back, and what is paid.
 */
export type PageMove = 'take' | 'give' | 'attach' | 'pay 1' | 'pay 2' | 'take-chain' | 'give-chain' | 'repay'

export interface PagePool {
  /** Pages on the free list, and pages never given out. */
  readonly listed: number
  readonly fresh: number
  /** Pages that each thread has at first. */
  readonly held?: number
  readonly threads: readonly (readonly PageMove[])[]
}

export class PagePoolScene implements Scene {
  readonly world: KernelWorld
  readonly threads: readonly (readonly Step[])[]
  readonly #initial: readonly (readonly number[])[]
  /** Pages that are free at first. */
  readonly #initiallyFree: number
  readonly #count: number
  /** Whether every call takes effect at one moment: those of chains and slots take pages one after another. */
  readonly #isAtomic: boolean
  /** Numbers of the pages that each thread has. */
  #held: number[][] = []
  /** The page that each thread gave last. */
  readonly #given: number[] = []
  readonly #moves: PagePool['threads']
  readonly #calls: Call<number>[] = []

  constructor({ listed, fresh, held = 0, threads }: PagePool) {
    this.#moves = threads
    this.#count = 1 + listed + fresh + held * threads.length
    this.#isAtomic = threads.flat().every((move) => move === 'take' || move === 'give')
    this.world = new KernelWorld(this.#count)
    const { shipped } = this.world
    const take = (): number => (shipped.allocatePage() >>> 0) / PAGE_BYTES
    this.#initial = threads.map(() => Array.from({ length: held }, take))
    const list = Array.from({ length: listed }, take)
    for (const page of list) shipped.freePage(page * PAGE_BYTES)
    this.#initiallyFree = listed + fresh
    this.threads = threads.map((moves, thread) => moves.map((move) => this.#step(move, thread)))
  }

  begin(): void {
    this.#held = this.#initial.map((pages) => [...pages])
    this.#calls.length = 0
  }

  check(end: End, machine: Machine): void {
    const free = this.#free()
    const held = this.#held.flat()
    for (const page of held)
      expectThat((free & (1 << page)) === 0, () => `page ${page} is free and has an owner`)
    const lost: number[] = []
    for (let page = 1; page < this.#count; page++) {
      if ((free & (1 << page)) === 0 && !held.includes(page)) lost.push(page)
    }
    const counted = this.world.word(CONTROL_FREE_PAGES) + this.world.word(CONTROL_PAID_PAGES)
    // They are taken off the count before, and counted after: there are never fewer than are counted.
    const more = bits(free) - counted
    if (end.dead >= 0) {
      // What a dead thread had or was about to give back is lost.
      expectThat(
        lost.length <= 2 && more >= 0 && more <= 2,
        () => `lost are ${lost.join()}, and ${more} are free that are not counted`,
      )
    } else {
      expectThat(lost.length === 0, () => `pages ${lost.join()} are neither free nor owned`)
      expectThat(more === 0, () => `${bits(free)} pages are free, ${counted} are counted`)
    }
    if (this.#isAtomic) this.#checkHistory(end, machine)
  }

  /** One bit for each page that can be taken. */
  #free(): number {
    const { world } = this
    let free = 0
    for (let page = world.word(CONTROL_FREE_HEAD); page !== 0; page = world.word(page * PAGE_BYTES)) {
      const index = page
      expectThat(
        index < this.#count && (free & (1 << index)) === 0,
        () => `the free list names ${index} twice, or it is no page`,
      )
      free |= 1 << index
    }
    const fresh = world.word(CONTROL_FRESH_PAGE)
    expectThat(fresh <= world.word(CONTROL_PAGE_COUNT), () => `the mark of fresh pages is at ${fresh}`)
    for (let page = fresh; page < this.#count; page++) free |= 1 << page
    return free
  }

  /** How many there were for whom. NOTE: which page it is, is decided later: maybe one that was given back since. */
  #checkHistory(end: End, machine: Machine): void {
    const unfinished = end.dead < 0 ? undefined : machine.unfinished(end.dead)
    const calls = [...this.#calls]
    if (unfinished !== undefined) {
      const isTaking = this.#moves[end.dead]?.[unfinished.step] === 'take'
      calls.push({
        began: unfinished.began,
        ended: Infinity,
        effect: isTaking ? countingOff(true) : counting,
      })
    }
    expectThat(
      isLinearizable(calls, this.#initiallyFree),
      () => 'the pages that were taken fit no order of the calls',
    )
  }

  #step(move: PageMove, thread: number): Step {
    const step = this.#stepOf(move, thread)
    return {
      ...step,
      done: (result, began, ended) => {
        step.done?.(result, began, ended)
        const counted = this.world.word(CONTROL_FREE_PAGES)
        expectThat(counted < this.#count, () => `${counted} pages are counted as free, of ${this.#count}`)
      },
    }
  }

  #stepOf(move: PageMove, thread: number): Step {
    switch (move) {
      case 'take':
        return this.#take(thread)
      case 'give':
        return this.#give(thread)
      case 'take-chain':
        return this.#takeChain(thread)
      case 'give-chain':
        return this.#giveChain(thread)
      case 'attach':
        return this.#attach(thread)
      case 'pay 1':
        return { call: (x) => x.payPages(1, 0) }
      case 'pay 2':
        return { call: (x) => x.payPages(2, 0) }
      case 'repay':
        return { call: (x) => x.repayPages(0) }
    }
  }

  #take(thread: number): Step {
    return {
      call: (x) => x.allocatePage(),
      done: (result, began, ended) => {
        if (result !== 0) this.#own(thread, result)
        this.#calls.push({ began, ended, effect: countingOff(result !== 0) })
      },
    }
  }

  #give(thread: number): Step {
    const given = (): number => this.#given[thread] as number
    return {
      when: () => {
        this.#given[thread] = this.#held[thread]?.shift() ?? 0
        return given() !== 0
      },
      call: (x) => x.freePage(given() * PAGE_BYTES),
      done: (_, began, ended) => void this.#calls.push({ began, ended, effect: counting }),
    }
  }

  #takeChain(thread: number): Step {
    return {
      call: (x) => x.allocateChain(CHAIN_CAPACITY + 1),
      done: (result) => {
        const { world } = this
        if (result === 0) return
        const second = world.word((result >>> 0) + CHAIN_NEXT)
        this.#own(thread, result)
        this.#own(thread, second)
        const lengths = [world.word((result >>> 0) + CHAIN_LENGTH), world.word(second + CHAIN_LENGTH)]
        expectThat(
          lengths.join() === `${CHAIN_CAPACITY},1` && world.word(second + CHAIN_NEXT) === 0,
          () => `a chain of ${lengths.join()} bytes`,
        )
      },
    }
  }

  #giveChain(thread: number): Step {
    let first = 0
    return {
      when: () => {
        first = this.#held[thread]?.[0] ?? 0
        if (first !== 0) (this.#held[thread] as number[]).length = 0
        return first !== 0
      },
      call: (x) => x.freeChain(first * PAGE_BYTES),
    }
  }

  #attach(thread: number): Step {
    return {
      call: (x) => x.attachSlot(thread),
      done: (result) => {
        const slot = SLOTS + thread * SLOT_BYTES
        const pages = [this.world.word(slot + SLOT_INPUT), this.world.word(slot + SLOT_MERGE)]
        expectThat(result === 0 || result === slot, () => `slot ${thread} lies at ${result}`)
        if (result === slot) for (const page of pages) this.#own(thread, page)
        else expectThat(pages.join() === '0,0', () => `a slot without pages has ${pages.join()}`)
      },
    }
  }

  #own(thread: number, address: number): void {
    const page = (address >>> 0) / PAGE_BYTES
    expectThat(Number.isInteger(page) && page > 0 && page < this.#count, () => `${address >>> 0} is no page`)
    expectThat(!this.#held.some((pages) => pages.includes(page)), () => `page ${page} has two owners`)
    this.#held[thread]?.push(page)
  }
}

/** What calls do to the number of pages that are free: whoever takes one is sure of it before it is known which. */
function countingOff(isFound: boolean): (free: number) => number | undefined {
  return (free) => (isFound ? (free > 0 ? free - 1 : undefined) : free === 0 ? free : undefined)
}

function counting(free: number): number {
  return free + 1
}

function bits(set: number): number {
  let count = 0
  for (let rest = set; rest !== 0; rest &= rest - 1) count++
  return count
}
