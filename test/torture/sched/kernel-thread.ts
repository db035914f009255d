import type { AsyncifyExports, ExploredExports } from './explored-kernel.ts'
import { exploredKernel, LOAD } from './explored-kernel.ts'
import { SLOTS, SLOT_BYTES, SLOT_INPUT } from '../../../assembly/memory/layout.ts'
import { STACK_BYTES, STACKS } from './kernel-world.ts'
import type { Machine } from './machine.ts'
import type { Access } from './thread.ts'

/** What a call returns that has not come to its end: the thread must leave, and make it again when it is its turn. */
export const SUSPENDED: unique symbol = Symbol('suspended')

/** One thread's instance of the explored kernel, which can be left in front of an atomic access and gone on with later. */
export class KernelThread {
  readonly x: ExploredExports & AsyncifyExports
  readonly #machine: Machine
  readonly #thread: number
  readonly #stack: number
  readonly #access: Access = { place: 0, kind: 0, address: 0, writes: false, isKernel: true }
  #isSuspended = false
  #isRewinding = false
  #isUnwinding = false
  /** It has carried out an access of which the tamper has not been told. */
  #isAfter = false
  /** When the call that is under way, or was made last, carried out its first access; -1 if it has not. */
  began = -1

  constructor(machine: Machine, thread: number) {
    const { memory } = machine.world
    const point = (place: number, kind: number, address: number): void =>
      this.#point(place, kind, address >>> 0)
    const { exports } = new WebAssembly.Instance(exploredKernel().explored, { env: { memory, point } })
    this.x = exports as unknown as ExploredExports & AsyncifyExports
    this.#machine = machine
    this.#thread = thread
    this.#stack = STACKS + thread * STACK_BYTES
    // So that lock words name the thread, if the scene has given it its slot.
    if (machine.world.word(SLOTS + thread * SLOT_BYTES + SLOT_INPUT) !== 0) this.x.attachSlot(thread)
  }

  /** Whether a call is under way. */
  get isSuspended(): boolean {
    return this.#isSuspended
  }

  restart(): void {
    this.#isSuspended = false
    this.#isRewinding = false
    this.#isUnwinding = false
    this.#isAfter = false
    this.began = -1
  }

  /** Makes a call, or goes on with the one that is under way, which must be the same. */
  call<T>(call: (x: ExploredExports) => T): T | typeof SUSPENDED {
    const { x } = this
    if (this.#isSuspended) {
      this.#isSuspended = false
      this.#isRewinding = true
      x.asyncify_start_rewind(this.#stack)
    } else this.began = -1
    const result = call(x)
    if (this.#isUnwinding) {
      this.#isUnwinding = false
      this.#isSuspended = true
      x.asyncify_stop_unwind()
      return SUSPENDED
    }
    this.#tellAfter()
    this.#machine.forget(this.#thread)
    return result
  }

  /** Called by the kernel in front of an atomic access. */
  #point(place: number, kind: number, address: number): void {
    const machine = this.#machine
    const tamper = machine.bug?.tamper
    if (this.#isRewinding) {
      this.#isRewinding = false
      this.x.asyncify_stop_rewind()
    } else {
      this.#tellAfter()
      tamper?.arrive?.(this.#thread, kind, address)
    }
    const access = this.#access
    access.place = place
    access.kind = kind
    access.address = address
    access.writes = (kind & 3) !== LOAD
    if (!machine.arrive(this.#thread, access)) {
      this.#isUnwinding = true
      const { u32 } = machine.world
      u32[this.#stack >>> 2] = this.#stack + 8
      u32[(this.#stack >>> 2) + 1] = this.#stack + STACK_BYTES
      this.x.asyncify_start_unwind(this.#stack)
      return
    }
    if (this.began < 0) this.began = machine.length
    if (tamper === undefined) return
    this.#isAfter = true
    tamper.proceed?.(this.#thread, kind, address)
  }

  /** Once for each access. */
  #tellAfter(): void {
    if (this.#isAfter) this.#machine.bug?.tamper?.after?.(this.#thread)
    this.#isAfter = false
  }
}
