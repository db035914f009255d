import { SLOTS, SLOT_BYTES, SLOT_COUNT } from '../../../assembly/memory/layout.ts'
import type { ExploredExports } from './explored-kernel.ts'
import { LOAD, STORE } from './explored-kernel.ts'
import { type KernelThread, SUSPENDED } from './kernel-thread.ts'
import type { Machine } from './machine.ts'
import type { Body, Program } from './scene.ts'
import { Violation } from './violation.ts'

/** What a thread's body has besides the explored sources. */
export interface ThreadDoor {
  /** Runs `action` once, though the thread is run again and again from its beginning. @returns what it returned */
  once<T>(action: () => T): T
  /** Makes a call of the kernel's; each of its atomic accesses is a point. */
  call<T>(call: (x: ExploredExports) => T): T
  /** A plain access of TypeScript's: a point, if others may see the word. `writes`: `action` does. */
  plain<T>(address: number, writes: boolean, action: () => T): T
  /** Moves so far; within `once`, or by a call that is kept. */
  readonly moves: number
  now(): number
}

/** Ends a run of a thread where it stands; its next run begins anew and is given what everything returned before. */
const TOKEN = Symbol('another thread is next')

/** Something that threw, in a log. */
class Thrown {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/**
 * A thread that runs TypeScript: it is left by an exception in front of an access, and gone on with by running it from its beginning, with what its operations returned
 * before. A call of the kernel's in which it was left goes on where it was.
 */
export class ReplayedThread implements Program, ThreadDoor {
  readonly thread: number
  readonly #machine: Machine
  readonly #kernel: KernelThread
  readonly #body: Body
  readonly #log: unknown[] = []
  #cursor = 0
  #isLeaving = false
  #violation: Violation | undefined

  constructor(machine: Machine, thread: number, kernel: KernelThread, body: Body) {
    this.#machine = machine
    this.thread = thread
    this.#kernel = kernel
    this.#body = body
  }

  restart(): void {
    this.#log.length = 0
    this.#violation = undefined
  }

  wakeUp(result: string): void {
    this.#log.push(result)
  }

  run(): boolean {
    this.#cursor = 0
    this.#isLeaving = false
    try {
      this.#body(this)
    } catch (error) {
      if (!this.#isLeaving)
        throw error instanceof Violation
          ? error
          : new Violation(`thread ${this.thread}: ${String(error)}`, { cause: error })
    }
    // NOTE: the body may have caught it.
    if (this.#violation !== undefined) throw this.#violation
    return !this.#isLeaving
  }

  once<T>(action: () => T): T {
    if (this.#isLeaving) throw TOKEN
    if (this.#cursor < this.#log.length) return this.#log[this.#cursor++] as T
    return this.#note(this.#guarded(action))
  }

  get moves(): number {
    return this.#machine.length
  }

  now(): number {
    return this.once(() => this.#machine.length)
  }

  call<T>(call: (x: ExploredExports) => T): T {
    if (this.#isLeaving) throw TOKEN
    if (this.#cursor < this.#log.length) {
      const known = this.#log[this.#cursor++]
      if (known instanceof Thrown) throw known.error
      return known as T
    }
    let result: T | typeof SUSPENDED
    try {
      result = this.#guarded(() => this.#kernel.call(call))
    } catch (error) {
      this.#note(new Thrown(error))
      throw error
    }
    if (result === SUSPENDED) this.#leave()
    return this.#note(result)
  }

  plain<T>(address: number, writes: boolean, action: () => T): T {
    const isOwn = address >= SLOTS && address < SLOTS + SLOT_BYTES * SLOT_COUNT
    return isOwn ? this.once(action) : this.operate(-1, false, address, writes, action)
  }

  /** An access that is a point, unless it `isQuiet`. */
  operate<T>(place: number, isQuiet: boolean, address: number, writes: boolean, perform: () => T): T {
    if (this.#isLeaving) throw TOKEN
    if (this.#cursor < this.#log.length) return this.#log[this.#cursor++] as T
    const access = { place, kind: writes ? STORE : LOAD, address, writes, isKernel: false }
    if (!isQuiet && !this.#guarded(() => this.#machine.arrive(this.thread, access))) this.#leave()
    return this.#note(this.#guarded(perform))
  }

  /** As operate; `perform` may say SUSPENDED: then the thread sleeps, and `wakeUp` says how that ended. */
  sleepOr<T>(place: number, address: number, perform: () => T | typeof SUSPENDED): T {
    if (this.#isLeaving) throw TOKEN
    if (this.#cursor < this.#log.length) return this.#log[this.#cursor++] as T
    const access = { place, kind: STORE, address, writes: true, isKernel: false }
    if (!this.#guarded(() => this.#machine.arrive(this.thread, access))) this.#leave()
    const result = this.#guarded(perform)
    if (result === SUSPENDED) this.#leave()
    return this.#note(result)
  }

  #note<T>(result: T): T {
    this.#log.push(result)
    this.#cursor++
    return result
  }

  #leave(): never {
    this.#isLeaving = true
    throw TOKEN
  }

  #guarded<T>(action: () => T): T {
    try {
      return action()
    } catch (error) {
      if (error instanceof Violation) this.#violation ??= error
      throw error
    }
  }
}
