import type { HostThread, ThreadHost, ThreadPort } from './thread-host.ts'
import { workerSource } from './worker-source.generated.ts'

/** A thread without databases ends after this time: another one may be opened soon. */
const IDLE_MS = 2000

/** Between two looks whether a thread that was started listens. */
const LOOK_MS = 2

/** A background thread of the pool. */
export class PoolThread {
  readonly #host: HostThread
  readonly #ready: Int32Array = new Int32Array(new SharedArrayBuffer(4))
  readonly #onEnds = new Set<(error: unknown) => void>()
  /** Databases whose keeper it is, or is going to be. */
  databases = 0
  hasEnded = false

  constructor(host: ThreadHost) {
    this.#host = host.start(workerSource, this.#ready)
    this.#host.onEnd((error) => {
      this.hasEnded = true
      for (const listener of [...this.#onEnds]) listener(error)
    })
  }

  /** Whether it takes messages. */
  get isReady(): boolean {
    return !this.hasEnded && Atomics.load(this.#ready, 0) !== 0
  }

  /** Resolves when it takes messages. @throws if it ends before */
  async listens(): Promise<void> {
    while (!this.isReady) {
      if (this.hasEnded) throw new Error('the background thread ended')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  post(message: object, ports: readonly ThreadPort[]): void {
    this.#host.post(message, ports)
  }

  /** Calls `listener` if the thread ends. @returns how to call that off */
  onEnd(listener: (error: unknown) => void): () => void {
    this.#onEnds.add(listener)
    return () => this.#onEnds.delete(listener)
  }

  stop(): void {
    this.hasEnded = true
    this.#host.stop()
  }
}

/** The background threads of this process: started when there is something to do for the first time, stopped when no database needs them any more. */
export class ThreadPool {
  readonly #host: ThreadHost
  readonly #threads = new Set<PoolThread>()
  /** The one that watches over the threads of databases that are shared. */
  #monitor: PoolThread | undefined

  constructor(host: ThreadHost) {
    this.#host = host
  }

  /** A thread for a database, which may have up to `limit` threads to choose from. @throws whatever the host says if it can start none */
  acquire(limit: number): PoolThread {
    for (const thread of this.#threads) if (thread.hasEnded) this.#threads.delete(thread)
    let chosen: PoolThread | undefined
    for (const thread of this.#threads) {
      if (chosen === undefined || thread.databases < chosen.databases) chosen = thread
    }
    if (chosen === undefined || (chosen.databases > 0 && this.#threads.size < limit)) {
      chosen = new PoolThread(this.#host)
      this.#threads.add(chosen)
    }
    chosen.databases++
    return chosen
  }

  release(thread: PoolThread): void {
    thread.databases--
    stopLater(thread, () => this.#threads.delete(thread))
  }

  /** The monitor, for one more database. @throws whatever the host says if it cannot be started */
  acquireMonitor(): PoolThread {
    if (this.#monitor?.hasEnded !== false) this.#monitor = new PoolThread(this.#host)
    this.#monitor.databases++
    return this.#monitor
  }

  releaseMonitor(): void {
    const monitor = this.#monitor
    if (monitor === undefined) return
    monitor.databases--
    stopLater(monitor, () => (this.#monitor = undefined))
  }
}

/** Stops a thread that no database needs. */
function stopLater(thread: PoolThread, forget: () => void): void {
  if (thread.databases > 0) return
  const timer = setTimeout(() => {
    if (thread.databases > 0 || thread.hasEnded) return
    forget()
    thread.stop()
  }, IDLE_MS)
  if (typeof timer === 'object') timer.unref()
}
