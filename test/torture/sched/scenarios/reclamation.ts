/**
 * A pointer that is replaced while others read what it leads to (a keyspace's SuperVersion): nothing is freed that somebody reads, and in the end
 * nothing is left but what the pointer leads to.
 */
import {
  CONTROL_EPOCH,
  CONTROL_SLOTS_TAKEN,
  SLOTS,
  SLOT_BYTES,
  SLOT_COUNT,
  SLOT_EPOCH,
} from '../../../../assembly/memory/layout.ts'
import type { End, Scene, Step } from '../scene.ts'
import { KernelWorld } from '../kernel-world.ts'
import { expectThat } from '../violation.ts'

/**
 * `read`: enters, loads the pointer, reads twice what it leads to, leaves. `visit`: the same of a thread that takes a slot before and gives it back.
 * `replace`: puts the next one in its place, and frees those replaced that nobody reads. `collect`: frees them, later.
 */
export type ReclaimMove = 'read' | 'visit' | 'replace' | 'collect'

export interface ReclaimSetup {
  readonly threads: readonly (readonly ReclaimMove[])[]
  /** The clock of reclamation at first. */
  readonly epoch?: number
}

/** What lies where something can be read, and once it is freed. */
const ALIVE = 0x11e11e
const FREED = 0xdeadbeef
const VERSION_BYTES = 64
const VERSIONS = 8

export class ReclamationScene implements Scene {
  readonly world: KernelWorld
  readonly threads: readonly (readonly Step[])[]
  readonly #pointer: number
  readonly #versions: number
  /** Slots that are taken at first, one bit each. */
  readonly #taken: number
  #installed = 0
  #retired: { version: number; tag: number }[] = []

  constructor({ threads, epoch = 1 }: ReclaimSetup) {
    this.world = new KernelWorld(4 + 2 * threads.length)
    const { world } = this
    const area = world.shipped.allocatePage() >>> 0
    this.#pointer = area
    this.#versions = area + VERSION_BYTES
    world.setWord(CONTROL_EPOCH, epoch)
    world.setWord(this.#pointer, this.#version(0))
    for (let i = 0; i < VERSIONS; i++) world.setWord(this.#version(i), ALIVE)
    this.threads = threads.map((moves, thread) => {
      if (!moves.includes('visit')) this.#takeSlot(thread)
      return moves.flatMap((move) => this.#steps(move, thread))
    })
    this.#taken = world.word(CONTROL_SLOTS_TAKEN)
  }

  begin(): void {
    this.#installed = 0
    this.#retired = []
  }

  check(end: End): void {
    if (end.dead >= 0) return
    const { world } = this
    for (const { tag } of this.#retired)
      expectThat(world.shipped.isRead(tag) === 0, () => `what has the tag ${tag} is read, and nobody reads`)
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      expectThat(world.word(SLOTS + slot * SLOT_BYTES + SLOT_EPOCH) === 0, () => `slot ${slot} still reads`)
    }
    expectThat(world.word(CONTROL_SLOTS_TAKEN) === this.#taken, () => 'a slot was not given back')
  }

  #version(number: number): number {
    return this.#versions + VERSION_BYTES * number
  }

  #takeSlot(thread: number): void {
    const { shipped } = this.world
    // NOTE: threads have the slots of their numbers; one that only visits takes any.
    for (let index = shipped.takeSlot(); index < thread; index = shipped.takeSlot());
  }

  #steps(move: ReclaimMove, thread: number): Step[] {
    switch (move) {
      case 'read':
        return this.#read(() => SLOTS + thread * SLOT_BYTES)
      case 'visit':
        return this.#visit()
      case 'replace':
        return [...this.#replace(), ...this.#collect()]
      case 'collect':
        return this.#collect()
    }
  }

  #read(slot: () => number): Step[] {
    let version = 0
    const look: Step = {
      call: (x) => x.loadWord(version),
      done: (found) =>
        expectThat(found === ALIVE, () => `a read finds ${(found >>> 0).toString(16)} in what it holds`),
    }
    return [
      { call: (x) => x.enterRead(slot()) },
      {
        call: (x) => x.loadWord(this.#pointer),
        done: (found) => {
          version = found >>> 0
        },
      },
      look,
      look,
      { call: (x) => x.leaveRead(slot()) },
    ]
  }

  #visit(): Step[] {
    let index = 0
    const take: Step = {
      call: (x) => x.takeSlot(),
      done: (taken) => {
        index = taken
        expectThat(index < SLOT_COUNT, () => 'there is no slot')
      },
    }
    return [take, ...this.#read(() => SLOTS + index * SLOT_BYTES), { call: (x) => x.giveSlot(index) }]
  }

  #replace(): Step[] {
    let version = 0
    return [
      {
        when: () => {
          version = this.#installed++
          return true
        },
        call: (x) => x.storeWord(this.#pointer, this.#version(version + 1)),
      },
      { call: (x) => x.retire(), done: (tag) => void this.#retired.push({ version, tag }) },
    ]
  }

  /** As Reclaimer.collect: the oldest first, up to one that is read. */
  #collect(): Step[] {
    let next: { version: number; tag: number } | undefined
    const one: Step = {
      when: () => {
        next = this.#retired[0]
        return next !== undefined
      },
      call: (x) => x.isRead(next?.tag ?? 0),
      done: (isRead) => {
        if (isRead !== 0 || next === undefined) return
        this.#retired.shift()
        this.world.setWord(this.#version(next.version), FREED)
      },
    }
    return [one, one]
  }
}
