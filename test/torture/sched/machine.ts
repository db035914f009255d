import { CONTROL_POISON } from '../../../assembly/memory/layout.ts'
import { EXCHANGE, exploredKernel } from './explored-kernel.ts'
import { type ExploredSources, exploredSources, sourcePlaces } from './explored-sources.ts'
import { KernelThread } from './kernel-thread.ts'
import type { KernelWorld } from './kernel-world.ts'
import { ReplayedThread } from './replayed-thread.ts'
import {
  type Body,
  type End,
  type Fault,
  MOVES_MAX,
  type Scene,
  type SeededBug,
  type Strategy,
  TIMEOUT,
} from './scene.ts'
import { StepThread } from './step-thread.ts'
import { type Access, restart, type Thread, threadOf } from './thread.ts'
import { expectThat, Violation } from './violation.ts'

/** So often a thread of TypeScript may load a word at one place while nothing changes; then it waits for a change. */
const SPINS_MAX = 4

/**
 * Threads that take turns over one memory: each goes on from one atomic access to the next, and a strategy decides who is next. A thread makes calls of the
 * explored kernel (StepThread), or runs the engine's own TypeScript (ReplayedThread).
 */
export class Machine {
  readonly threads: number
  /** Threads that go on when a call of the kernel traps. */
  readonly trapping: readonly number[]
  readonly world: KernelWorld
  /** The moves of the last run. */
  readonly moves: Uint8Array = new Uint8Array(MOVES_MAX)
  length = 0
  /** What its threads did, in words, if it `tells`. */
  readonly told: string[] = []
  tells = false
  /** Points that threads came to, in all runs. */
  points = 0
  /** For each place with an atomic access: 1 if a thread came to it. */
  readonly visited: Uint8Array
  /** Whether a thread came to where `fault` wanted it in the last run. */
  faulted = false
  /** Changes of memory in this run. */
  version = 0
  readonly #scene: Scene
  readonly bug: SeededBug | undefined
  readonly #threads: Thread[]
  /** Sleeping threads, the first to be woken first. */
  #sleepers: number[] = []
  #strategy: Strategy | undefined
  #fault: Fault | undefined
  /** One bit for each thread that is neither at its end nor dead. */
  #alive = 0
  #spinning = 0
  #next = -1
  /** The thread that runs, -1 outside of a schedule: then accesses are carried out at once. */
  current = -1
  #isStarting = false
  #isGivenUp = false

  constructor(scene: Scene, bug?: SeededBug) {
    this.#scene = scene
    this.bug = bug
    this.world = scene.world
    this.visited = new Uint8Array(exploredKernel().places.length + sourcePlaces().length)
    const bodies = scene.bodies?.(this.#sources())
    const steps = scene.threads ?? []
    this.threads = bodies?.length ?? steps.length
    this.trapping = scene.trapping ?? []
    this.#threads = Array.from({ length: this.threads }, (_, t) => {
      const kernel = new KernelThread(this, t)
      return threadOf(
        bodies === undefined
          ? new StepThread(this, t, kernel, steps[t] ?? [])
          : new ReplayedThread(this, t, kernel, bodies[t] as Body),
        kernel,
      )
    })
    scene.world.touched.begin()
  }

  /** @throws Error if a run does not begin where all others did */
  verify(): void {
    this.world.touched.verify()
  }

  /**
   * Runs all threads from the beginning to the end, as `strategy` says, and looks at what they leave.
   * @returns false if the strategy gave the schedule up
   * @throws Violation
   */
  run(strategy: Strategy, fault?: Fault): boolean {
    this.#begin(strategy, fault)
    const scene = this.#scene
    try {
      for (let t = 0; t < this.threads; t++) this.#go(t)
      this.#isStarting = false
      this.#next = this.#choose(-1)
      for (;;) {
        while (this.#next >= 0) this.#move(this.#next)
        if (this.#isGivenUp) return false
        if (this.#alive === 0) break
        const end = this.#end()
        if (end.dead < 0 || scene.stuck === undefined)
          throw new Violation(`${this.#names(this.#alive)} wait for ever`)
        scene.stuck(end)
        // NOTE: spinning threads of the kernel would go on for ever; sleeping ones look at the poison word.
        if (this.#sleepers.length === 0) break
        expectThat(
          this.world.word(CONTROL_POISON) === 0,
          () => `${this.#names(this.#alive)} sleep, though it is poisoned`,
        )
        this.world.setWord(CONTROL_POISON, 1)
        this.version++
        this.#next = this.#choose(-1)
      }
      this.current = -1
      scene.check?.(this.#end(), this)
      return true
    } catch (error) {
      if (error instanceof Violation) throw error
      throw new Violation(`thread ${this.moves[this.length - 1] ?? 0}: ${String(error)}`, { cause: error })
    } finally {
      this.current = -1
    }
  }

  /** Whether two moves, possible now, come to the same in either order. */
  commute(a: number, b: number): boolean {
    // NOTE: what one that wakes up does next is not known yet; and after an access of the kernel's come plain ones.
    if (a >= TIMEOUT || b >= TIMEOUT || a === b) return false
    const [x, y] = [this.#threads[a] as Thread, this.#threads[b] as Thread]
    if (!x.hasArrived || !y.hasArrived || x.access === undefined || y.access === undefined) return false
    if (x.access.isKernel || y.access.isKernel) return false
    return x.access.address >>> 3 !== y.access.address >>> 3 || (!x.access.writes && !y.access.writes)
  }

  /** The step that a thread was in when it died, of those that had carried out an access; and when that was. */
  unfinished(t: number): { readonly step: number; readonly began: number } | undefined {
    return this.#threads[t]?.program.unfinished?.()
  }

  /** A place that is no point was come to; what the setting up of a scene does, does not count. */
  visitAtOnce(place: number): void {
    if (this.#strategy !== undefined) this.visited[place] = 1
  }

  /** Stores to a word of 32 or 64 bits. */
  set32(index: number, value: number): void {
    const { i32, touched } = this.world
    if (i32[index] === (value | 0)) return
    touched.touch(4 * index, 4)
    i32[index] = value
    this.version++
  }

  set64(index: number, value: bigint): void {
    const { i64, touched } = this.world
    if (i64[index] === value) return
    touched.touch(8 * index, 8)
    i64[index] = value
    this.version++
  }

  nowMs(t: number): number {
    return (this.#threads[t] as Thread).nowMs
  }

  // ── schedule ─────────────────────────────────────────────────────────────────────────────────────────────

  #sources(): ExploredSources {
    const running = (): ReplayedThread | undefined =>
      this.current < 0 ? undefined : (this.#threads[this.current]?.program as ReplayedThread)
    return exploredSources(this, running)
  }

  #begin(strategy: Strategy, fault: Fault | undefined): void {
    this.world.touched.restore()
    this.#scene.begin?.()
    this.bug?.tamper?.begin?.(this.world)
    this.#strategy = strategy
    this.#fault = fault
    this.#sleepers = []
    this.#alive = (1 << this.threads) - 1
    this.#spinning = 0
    this.#isStarting = true
    this.#isGivenUp = false
    this.length = 0
    this.version = 0
    this.faulted = false
    this.told.length = 0
    for (const each of this.#threads) restart(each)
  }

  #end(): End {
    return { dead: this.faulted ? (this.#fault?.thread ?? -1) : -1, traps: this.#fault?.traps === true }
  }

  #move(move: number): void {
    const t = move & (TIMEOUT - 1)
    const each = this.#threads[t] as Thread
    if (move >= TIMEOUT) {
      each.timeouts++
      each.sleepVersion = this.version
      if (each.isSleeping) {
        this.#sleepers = this.#sleepers.filter((other) => other !== t)
        this.#wake(each, 'timed-out')
        each.nowMs += each.sleepMs
      } else {
        this.#spinning &= ~(1 << t)
        each.nowMs += 1000
      }
      if (this.tells) this.told.push(`thread ${t}: its sleep ends by itself`)
    }
    each.isNext = true
    this.#go(t)
  }

  /** Lets a thread go on until it stands at a point and another is next, or is at its end. */
  #go(t: number): void {
    this.#next = -1
    this.current = t
    const isOver = (this.#threads[t] as Thread).program.run()
    this.current = -1
    if (!isOver) return
    this.#alive &= ~(1 << t)
    if (!this.#isStarting) this.#next = this.#choose(t)
  }

  /** Who is next; -1: nobody. */
  #choose(last: number): number {
    const { timeouts = 0 } = this.#scene
    let moves = this.#alive
    let late = 0
    for (let rest = this.#spinning & this.#alive; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest)
      if (this.#hasChanged(this.#threads[t] as Thread)) this.#spinning &= ~(1 << t)
      else moves &= ~(1 << t)
    }
    for (const t of this.#sleepers) moves &= ~(1 << t)
    for (let rest = this.#alive & ~moves; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest)
      const { timeouts: sofar, sleepVersion, spinsOn } = this.#threads[t] as Thread
      if (spinsOn >= 0) continue
      if (sofar < timeouts) moves |= 1 << (TIMEOUT + t)
      else if (sleepVersion !== this.version) late |= 1 << (TIMEOUT + t)
    }
    // A sleep lasts 20 ms at most; whoever waits for more than that to happen looks at the poison word then.
    if (moves === 0 && late !== 0 && (this.faulted || this.world.word(CONTROL_POISON) !== 0)) moves = late
    if (moves === 0) return -1
    const move = (this.#strategy as Strategy).choose(moves, last)
    if (move < 0) this.#isGivenUp = true
    else {
      expectThat(this.length < MOVES_MAX, () => `${this.#names(this.#alive)} do not come to an end`)
      this.moves[this.length++] = move
    }
    return move
  }

  #hasChanged({ spinsOn, spinValue, spinVersion }: Thread): boolean {
    return spinsOn < 0 ? spinVersion !== this.version : this.world.u32[spinsOn] !== spinValue
  }

  #names(threads: number): string {
    return this.#threads.flatMap((_, t) => ((threads & (1 << t)) !== 0 ? [`thread ${t}`] : [])).join(', ')
  }

  // ── points ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A thread has come to an access, or stands before it again.
   * @returns whether it may carry it out; else it must leave. @throws WebAssembly.RuntimeError: it traps here
   */
  arrive(t: number, access: Access): boolean {
    const each = this.#threads[t] as Thread
    if (!each.hasArrived) this.#come(t, each, access)
    const isAlive = (this.#alive & (1 << t)) !== 0
    if (each.isNext && isAlive && (this.#spinning & (1 << t)) === 0) each.isNext = false
    else {
      if (this.#isStarting) return false
      this.#next = this.#choose(t)
      if (this.#next !== t) return false
    }
    each.hasArrived = false
    if (access.isKernel && access.writes) this.version++
    if (this.tells) {
      const value = this.world.u32[access.address >>> 2]
      this.told.push(`thread ${t}: ${this.#placeName(access.place)} at ${access.address} (${value})`)
    }
    return true
  }

  #come(t: number, each: Thread, access: Access): void {
    each.points++
    this.points++
    if (access.place >= 0) this.visited[access.place] = 1
    this.#noteSpins(t, each, access)
    each.hasArrived = true
    each.access = access
    const fault = this.#fault
    if (fault === undefined || fault.thread !== t || fault.point !== each.points - 1) return
    this.faulted = true
    if (fault.traps && !access.isKernel) return
    if (this.tells)
      this.told.push(
        `thread ${t} ${fault.traps ? 'traps' : 'dies'} before ${this.#placeName(access.place)} at ${access.address}`,
      )
    if (fault.traps) {
      each.hasArrived = false
      each.isNext = false
      throw new WebAssembly.RuntimeError('unreachable')
    }
    this.#alive &= ~(1 << t)
  }

  #noteSpins(t: number, each: Thread, { place, kind, address, writes, isKernel }: Access): void {
    if (isKernel) {
      // NOTE: a thread that comes from an exchange straight to the same one tries it until it works. It need not be run before that can be.
      const isAgain = (kind & 3) === EXCHANGE && each.lastPlace === place && each.lastAddress === address
      each.lastPlace = place
      each.lastAddress = address
      if (!isAgain) return
      each.spinsOn = address >>> 2
      each.spinValue = this.world.u32[address >>> 2] as number
      this.#spinning |= 1 << t
      return
    }
    if (each.loadVersion !== this.version) each.loads.clear()
    each.loadVersion = this.version
    if (writes) return
    const key = place * 0x10000000 + address
    const count = (each.loads.get(key) ?? 0) + 1
    each.loads.set(key, count)
    if (count < SPINS_MAX) return
    each.spinsOn = -1
    each.spinVersion = this.version
    this.#spinning |= 1 << t
  }

  /** A call of the kernel's is over: what comes next is no second try. */
  forget(t: number): void {
    ;(this.#threads[t] as Thread).lastPlace = -1
  }

  #placeName(place: number): string {
    const { places } = exploredKernel()
    return place < 0 ? 'a plain access' : (places[place] ?? sourcePlaces()[place - places.length]?.name ?? '')
  }

  // ── sleep ────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the moment: the thread must leave */
  sleep(t: number, index: number, ms: number): void {
    const each = this.#threads[t] as Thread
    each.isSleeping = true
    each.spinsOn = -1
    each.sleepIndex = index
    each.sleepMs = ms
    this.#sleepers.push(t)
    this.#next = this.#choose(t)
  }

  wakeUp(index: number, count: number): number {
    let woken = 0
    this.#sleepers = this.#sleepers.filter((t) => {
      const each = this.#threads[t] as Thread
      if (each.sleepIndex !== index || woken >= count) return true
      woken++
      this.#wake(each, 'ok')
      return false
    })
    return woken
  }

  #wake(each: Thread, result: string): void {
    each.isSleeping = false
    each.program.wakeUp?.(result)
  }
}
