/** The registry of snapshots: no S that is registered is below B and missing in a scan, whenever it was registered. */
import {
  CONTROL_SNAPSHOTS,
  CONTROL_SNAPSHOTS_LIVE,
  CONTROL_SNAPSHOTS_USED,
  CONTROL_VISIBLE_SEQNO,
  PAGE_BYTES,
} from '../../../../assembly/memory/layout.ts'
import type {
  AreaAllocator,
  Registration,
  SnapshotRegistry,
} from '../../../../src/version/snapshot-registry.ts'
import type { ExploredSources } from '../explored-sources.ts'
import { KernelWorld } from '../kernel-world.ts'
import type { ThreadDoor } from '../replayed-thread.ts'
import type { Body, End, Scene } from '../scene.ts'
import { expectThat } from '../violation.ts'

/** `register`: the newest S, kept; `register 3`: that S; `brief`: registers and releases; `publish 7`: what a write makes visible; `drop`: B and the scan;
 * `leave`: lets go of all that the thread has registered. */
export type SnapshotMove =
  'register' | `register ${number}` | 'brief' | `publish ${number}` | 'drop' | 'oldest' | 'leave'

export interface SnapshotSetup {
  readonly threads: readonly (readonly SnapshotMove[])[]
  readonly visible?: number
  /** Slots that are taken at first, by the S 1. */
  readonly taken?: number
  /** Slots that were taken and are free again. */
  readonly freed?: number
}

/** Areas that are given out, one after another. */
const AREAS: number = PAGE_BYTES
const AREA_BYTES = 4096
/** As explored-sources.ts has it. */
const AREA_SLOTS = 2

export class SnapshotScene implements Scene {
  readonly world: KernelWorld = new KernelWorld(2)
  readonly #setup: SnapshotSetup
  readonly #words: Int32Array = this.world.i32
  #areas = 0
  #kept: { readonly thread: number; readonly seqno: number }[] = []
  #drops: { barrier: number; live: readonly number[] }[] = []

  constructor(setup: SnapshotSetup) {
    this.#setup = setup
    const { visible = 5, taken = 0, freed = 0 } = setup
    const words = this.#words
    this.world.u8.fill(0, PAGE_BYTES)
    words[CONTROL_VISIBLE_SEQNO >>> 2] = visible
    const slots = taken + freed
    if (slots > 0) {
      words[CONTROL_SNAPSHOTS >>> 2] = AREAS
      words[CONTROL_SNAPSHOTS_USED >>> 2] = slots
      words[CONTROL_SNAPSHOTS_LIVE >>> 2] = taken
      for (let i = 0; i < slots; i++) {
        const area = AREAS + AREA_BYTES * Math.floor(i / AREA_SLOTS)
        if (i > 0 && i % AREA_SLOTS === 0) words[(area - AREA_BYTES) >>> 2] = area
        words[(area + 8 + 8 * (i % AREA_SLOTS)) >>> 2] = i < taken ? 1 : 0
      }
    }
  }

  bodies(locks: ExploredSources): readonly Body[] {
    const longs = this.world.i64
    return this.#setup.threads.map((moves, t) => (door) => {
      const allocator: AreaAllocator = {
        allocate: () => door.once(() => AREAS + AREA_BYTES * this.#areas++),
        free: () => undefined,
      }
      const registry = new locks.SnapshotRegistry(this.world.memory.buffer, allocator, t)
      for (const move of moves)
        this.#do(move, registry, t, door, (seqno) => locks.raise(longs, CONTROL_VISIBLE_SEQNO, seqno))
    })
  }

  begin(): void {
    const { taken = 0, freed = 0 } = this.#setup
    this.#areas = Math.ceil((taken + freed) / AREA_SLOTS)
    this.#kept = []
    this.#drops = []
  }

  check(end: End): void {
    for (const { seqno: s } of this.#kept) {
      for (const { barrier, live } of this.#drops) {
        expectThat(
          s >= barrier || live.includes(s),
          () => `${s} is registered, and a scan after B = ${barrier} found ${live.join()}`,
        )
      }
    }
    if (end.dead >= 0) return
    const { taken = 0 } = this.#setup
    const counted = this.#words[CONTROL_SNAPSHOTS_LIVE >>> 2]
    expectThat(
      counted === taken + this.#kept.length,
      () => `${counted} snapshots are counted, ${this.#kept.length} registered`,
    )
  }

  #do(
    move: SnapshotMove,
    registry: SnapshotRegistry,
    t: number,
    door: ThreadDoor,
    publish: (seqno: number) => void,
  ): void {
    const [name, argument] = move.split(' ')
    const number = argument === undefined ? undefined : Number(argument)
    switch (name) {
      case 'register': {
        const { seqno } = this.#register(registry, number)
        door.once(() => this.#kept.push({ thread: t, seqno }))
        return
      }
      case 'leave':
        door.once(() => (this.#kept = this.#kept.filter(({ thread }) => thread !== t)))
        return registry.releaseOf(t)
      case 'brief':
        return registry.release(this.#register(registry, undefined))
      case 'publish':
        return publish(number as number)
      case 'drop': {
        const barrier = registry.raiseBarrier()
        const live = registry.live()
        door.once(() => this.#drops.push({ barrier, live }))
        return
      }
      default: {
        const oldest = registry.oldest()
        expectThat(oldest === undefined || oldest > 0, () => `the oldest is ${oldest}`)
      }
    }
  }

  #register(registry: SnapshotRegistry, asked: number | undefined): Registration {
    const registration = registry.register(asked)
    expectThat(
      asked === undefined || registration.seqno >= asked,
      () => `${asked} was asked for, and is ${registration.seqno}`,
    )
    return registration
  }
}
