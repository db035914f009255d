import { mulberry32, pick } from '../../support/random.ts'
import { type Bounds, DepthFirst } from './depth-first.ts'
import type { Machine } from './machine.ts'
import type { Fault, Strategy } from './scene.ts'
import { failure, minimise } from './minimise.ts'
import { RandomPriorities } from './random-schedules.ts'
import { scheduleText, Violation } from './violation.ts'

/** After so many schedules it is made sure that they begin alike. */
const VERIFY_EVERY = 4096

/** What was violated, and the shortest schedule that was found for it. */
export class FailedSchedule extends Violation {
  override readonly name: string = 'FailedSchedule'
  readonly schedule: string
  readonly fault: Fault | undefined
  /** What the threads did, one access a line. */
  readonly told: readonly string[]

  constructor(message: string, schedule: string, fault: Fault | undefined, told: readonly string[]) {
    super(message)
    this.schedule = schedule
    this.fault = fault
    this.told = told
  }
}

/** Explores the schedules of one machine, and counts them. */
export class Explorer {
  readonly machine: Machine
  schedules = 0
  /** Of these, with a thread that died or trapped. */
  faults = 0
  readonly #random: () => number
  #sinceVerified = 0
  #length = 1

  constructor(machine: Machine, seed: number) {
    this.machine = machine
    this.#random = mulberry32(seed)
  }

  /** All schedules within the bounds. @throws FailedSchedule */
  all(bounds?: Bounds): void {
    this.#depthFirst(bounds, undefined)
  }

  /** All within the bounds in which a thread dies, or traps, at some point: every thread, every point. @throws FailedSchedule */
  allFaults(bounds?: Bounds): void {
    for (let thread = 0; thread < this.machine.threads; thread++) {
      this.#faultsOf(thread, false, bounds)
      if (this.machine.trapping.includes(thread)) this.#faultsOf(thread, true, bounds)
    }
  }

  #faultsOf(thread: number, traps: boolean, bounds: Bounds | undefined): void {
    for (let point = 0, reached = true; reached; point++) {
      reached = this.#depthFirst(bounds, { thread, point, traps })
    }
  }

  /** @throws FailedSchedule */
  random(count: number, faults: boolean): void {
    const strategy = new RandomPriorities(this.#random)
    for (let i = 0; i < count; i++) {
      const fault = faults && i % 4 === 3 ? this.#anyFault() : undefined
      strategy.begin(this.#length)
      this.#run(strategy, fault)
      this.#length = Math.max(1, this.machine.length)
    }
  }

  #anyFault(): Fault {
    const { threads, trapping } = this.machine
    const thread = pick(this.#random, threads)
    const traps = trapping.includes(thread) && pick(this.#random, 2) === 0
    return { thread, point: pick(this.#random, this.#length), traps }
  }

  /** @returns whether the thread came to the fault in any of them */
  #depthFirst(bounds: Bounds | undefined, fault: Fault | undefined): boolean {
    const strategy = new DepthFirst(this.machine, bounds)
    let reached = false
    do {
      this.#run(strategy, fault)
      reached ||= this.machine.faulted
    } while (strategy.next())
    return reached
  }

  #run(strategy: Strategy, fault: Fault | undefined): void {
    const { machine } = this
    try {
      if (!machine.run(strategy, fault)) return
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      this.#fail(error, fault)
    }
    this.schedules++
    if (machine.faulted) this.faults++
    if (++this.#sinceVerified < VERIFY_EVERY) return
    this.#sinceVerified = 0
    machine.verify()
  }

  #fail(violation: Violation, fault: Fault | undefined): never {
    const { machine } = this
    const found = failure(machine, [...machine.moves.subarray(0, machine.length)], fault)
    if (found === undefined)
      throw new Error(`it did not happen again: ${violation.message}`, { cause: violation })
    const moves = this.#withoutTail(minimise(machine, found, fault).moves, fault)
    machine.tells = true
    const message = failure(machine, moves, fault)?.message ?? found.message
    machine.tells = false
    throw new FailedSchedule(message, scheduleText(moves), fault, [...machine.told])
  }

  /** Who moved last goes on by itself. */
  #withoutTail(moves: readonly number[], fault: Fault | undefined): readonly number[] {
    let length = moves.length
    while (length > 1 && moves[length - 2] === moves[length - 1]) length--
    const short = moves.slice(0, length)
    return failure(this.machine, short, fault) === undefined ? moves : short
  }
}
