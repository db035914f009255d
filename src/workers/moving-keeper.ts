import { SLOT_COUNT } from '../../assembly/memory/layout.ts'
import type {
  KeeperPort,
  ServiceArguments,
  ServiceName,
  ServiceResult,
  SharedEnds,
} from '../engine/keeper-port.ts'
import type { Keeper } from '../engine/keeper.ts'
import { kernelModule } from '../kernel/load.ts'
import { noSlots } from '../kernel/kernel.ts'
import { SLICE_MS } from '../sync/wait.ts'
import { LocalKeeper } from './local-keeper.ts'
import { TAKE_OVER_ID, type TakeOver, type Watch } from './messages.ts'
import { RemoteKeeper } from './remote-keeper.ts'
import type { ThreadHost } from './thread-host.ts'
import type { PoolThread, ThreadPool } from './thread-pool.ts'

/** Services that take long: they are for another thread, if there can be one. */
const LONG: ReadonlySet<ServiceName> = new Set(['flush', 'compact', 'verify'])
/** Between two looks whether the keeper can move. */
const LOOK_MS = 2
/** Once a sleep has been this long the monitor watches who is slept for. */
const LONG_SLEEP_MS = 40

/**
 * The keeper of a database that begins on the thread that opened it, and moves to a background thread as soon as there is something to do in the background. Until it has
 * moved, what cannot wait is done here.
 */
export class MovingKeeper implements KeeperPort {
  readonly #host: ThreadHost
  readonly #pool: ThreadPool
  readonly #limit: number
  readonly #keeper: Keeper
  readonly #local: LocalKeeper
  #thread: PoolThread | undefined
  #remote: RemoteKeeper | undefined
  #monitor: PoolThread | undefined
  /** Not 0: what the monitor sees end is no keeper. */
  readonly #calledOff: Int32Array = new Int32Array(new SharedArrayBuffer(4))
  /** When the sleep that goes on, if one does, was first and last noticed. */
  #sleepStartMs = 0
  #sleepSeenMs = 0
  #moving: Promise<void> | undefined
  /** It stays here: there is no thread for it. */
  #stays = false
  #forgetEnd: () => void = () => {}
  /** Services that are under way here, calls and asks: the keeper does not move from under them. */
  #calls = 0
  #asks = 0

  /** `limit`: background threads that the process may have for it. */
  constructor(keeper: Keeper, host: ThreadHost, pool: ThreadPool, limit: number) {
    this.#keeper = keeper
    this.#local = new LocalKeeper(keeper)
    this.#host = host
    this.#pool = pool
    this.#limit = limit
    // NOTE: what an ask here waits for is done here.
    keeper.onBackgroundWork = () => this.#asks === 0 && this.#startMoving()
  }

  get begun(): boolean {
    return this.#port.begun
  }

  call<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): ServiceResult<N> {
    // NOTE: a program that never gives the event loop a turn gets its background thread all the same.
    if (this.#thread !== undefined && this.#remote === undefined) this.#tryToMove()
    if (this.#remote !== undefined) return this.#remote.call(name, ...args)
    this.#calls++
    try {
      return this.#local.call(name, ...args)
    } finally {
      this.#calls--
    }
  }

  async ask<N extends ServiceName>(
    name: N,
    ...args: ServiceArguments<N>
  ): Promise<Awaited<ServiceResult<N>>> {
    if (this.#remote === undefined && LONG.has(name) && this.#startMoving()) await this.#moving
    if (this.#remote !== undefined) return this.#remote.ask(name, ...args)
    // NOTE: it may have been closed meanwhile, and its memory be another database's.
    this.#keeper.thread.assertOpen()
    this.#asks++
    try {
      return await this.#local.ask(name, ...args)
    } finally {
      this.#asks--
    }
  }

  mustWait(ids: readonly number[], pages: number): boolean {
    return this.#port.mustWait(ids, pages)
  }

  progress(ids: readonly number[], pages: number, deadline: number): Promise<void> {
    return this.#port.progress(ids, pages, deadline)
  }

  prepareRoom(ids: readonly number[]): void {
    this.#port.prepareRoom(ids)
  }

  noteUnsynced(): void {
    this.#port.noteUnsynced()
  }

  async finish(): Promise<void> {
    if (this.#remote !== undefined) return this.#remote.finish()
    this.#stays = true
    await this.#local.finish()
  }

  awaitFinish(): boolean {
    return this.#remote?.awaitFinish() ?? false
  }

  async share(): Promise<SharedEnds> {
    if (this.#startMoving()) await this.#moving
    const remote = this.#remote
    if (remote === undefined) return this.#local.share()
    this.#meetMonitor(remote)
    await this.#monitor?.listens()
    this.#keeper.thread.assertOpen()
    const slot = this.#keeper.kernel.exports.takeSlot()
    if (slot === SLOT_COUNT) throw noSlots()
    const [calls, keepersCalls] = this.#host.channel()
    const [liveness, monitorsLiveness] = this.#host.channel()
    remote.admit(slot, keepersCalls, monitorsLiveness)
    return { slot, calls: this.#host.sent(calls), liveness: this.#host.sent(liveness) }
  }

  /** Has the monitor watch the keeper's thread. @throws whatever the host says if it cannot be started */
  #meetMonitor(remote: RemoteKeeper): void {
    if (this.#monitor !== undefined) return
    const monitor = this.#pool.acquireMonitor()
    this.#monitor = monitor
    const [keepers, monitors] = this.#host.channel()
    const { memory } = this.#keeper.kernel
    monitor.post({ kind: 'watch', memory, calledOff: this.#calledOff } satisfies Watch, [monitors])
    remote.introduceMonitor(keepers)
  }

  /**
   * Called after each slice of sleep of this thread. While it sleeps it is not told of the end of another thread: then that is the monitor's. A database whose
   * calls never wait that long needs none.
   */
  #watchSleep(remote: RemoteKeeper): void {
    if (this.#monitor !== undefined) return
    const now = performance.now()
    if (now - this.#sleepSeenMs > 2 * SLICE_MS) this.#sleepStartMs = now
    this.#sleepSeenMs = now
    if (now - this.#sleepStartMs < LONG_SLEEP_MS) return
    try {
      this.#meetMonitor(remote)
    } catch {
      // NOTE: the host gives no thread more. It is asked again after the next slice.
    }
  }

  close(): void {
    this.#stays = true
    this.#port.close()
    this.#forgetEnd()
    if (this.#thread !== undefined) this.#pool.release(this.#thread)
    if (this.#monitor !== undefined) this.#pool.releaseMonitor()
    this.#thread = undefined
  }

  get #port(): KeeperPort {
    return this.#remote ?? this.#local
  }

  /** @returns whether it will move */
  #startMoving(): boolean {
    // NOTE: before the epoch has begun there is nothing to hand over, and nothing but verify to do.
    if (this.#stays || this.#keeper.closed || !this.#keeper.catalog.begun) return false
    this.#moving ??= this.#move()
    return true
  }

  async #move(): Promise<void> {
    try {
      // NOTE: never within the step of the keeper that asked.
      await null
      this.#thread = this.#pool.acquire(this.#limit)
      while (!this.#stays && this.#remote === undefined) {
        // NOTE: it keeps the process alive until something in the background can go on.
        await this.#thread.listens()
        this.#tryToMove()
        if (this.#remote === undefined) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
      }
    } catch {
      // NOTE: hosts may refuse threads: everything is done here then.
      this.#stay()
    }
  }

  #tryToMove(): void {
    const thread = this.#thread
    // INVARIANT: it moves once. A call may have moved it while `#move` waited for the thread; a second keeper would write over the first.
    if (this.#remote !== undefined) return
    if (thread?.isReady !== true || this.#stays || this.#calls + this.#asks > 0 || !this.#keeper.isMovable)
      return
    const { kernel, options, fileSystem, thread: owner, lease } = this.#keeper
    try {
      // NOTE: from here on another thread drops entries and frees memtables, which knows of registered reads only.
      owner.cursorPages.holdAll()
    } catch {
      return
    }
    lease.generation++
    const [near, far] = this.#host.channel()
    const message: TakeOver = {
      kind: 'take-over',
      memory: kernel.memory,
      module: kernelModule(),
      directory: fileSystem.share?.(),
      options,
      position: this.#keeper.handOver(),
      slot: kernel.slotIndex,
    }
    const remote = new RemoteKeeper(owner, near)
    owner.onSleep = () => this.#watchSleep(remote)
    thread.post(message, [far])
    try {
      remote.awaitAnswer(TAKE_OVER_ID)
    } catch {
      // NOTE: no memory for another thread, most often. Nothing was changed, and the keeper here goes on.
      owner.onSleep = undefined
      // ORDER: before the port is closed on which the monitor was introduced.
      Atomics.store(this.#calledOff, 0, 1)
      remote.close()
      this.#stay()
      return
    }
    const { blocks } = this.#keeper
    owner.isShared = true
    owner.isKeeping = false
    owner.onSnapshotEnd = () => remote.noteReadEnded()
    blocks.reads.onEnd = () => remote.noteReadEnded()
    blocks.clear()
    this.#remote = remote
    this.#forgetEnd = thread.onEnd((error) => remote.orphan(error))
    this.#keeper.waiters.wake()
  }

  #stay(): void {
    this.#stays = true
    if (this.#thread !== undefined) this.#pool.release(this.#thread)
    this.#thread = undefined
    this.#keeper.resume()
    this.#keeper.waiters.wake()
  }
}
