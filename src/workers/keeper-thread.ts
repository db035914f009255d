import { CONTROL_ORPHANED } from '../../assembly/memory/layout.ts'
import type { ServiceArguments, ServiceName } from '../engine/keeper-port.ts'
import { Keeper } from '../engine/keeper.ts'
import { DatabaseThread } from '../engine/thread.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { Kernel } from '../kernel/kernel.ts'
import { useKernelModule } from '../kernel/load.ts'
import { sentError, sentEvent, TAKE_OVER_ID, type Reply, type Request, type TakeOver } from './messages.ts'
import { serve } from './services.ts'
import type { ThreadPort } from './thread-host.ts'

/** A database whose keeper this thread is. */
class KeptDatabase {
  readonly #thread: DatabaseThread
  readonly #keeper: Keeper
  readonly #port: ThreadPort
  /** Index of the word that rings for the other end. */
  readonly #bell: number
  readonly #aborts = new Map<number, AbortController>()

  constructor(thread: DatabaseThread, keeper: Keeper, port: ThreadPort, bell: number) {
    this.#thread = thread
    this.#keeper = keeper
    this.#port = port
    this.#bell = bell >>> 2
    thread.events.onAny((name, event) => this.#send({ kind: 'event', name, event: sentEvent(event) }))
    port.onMessage((message) => this.#take(message as Request))
    this.#send({ kind: 'answer', id: TAKE_OVER_ID, result: undefined })
    keeper.resume()
  }

  /** This thread cannot go on. NOTE: plain stores, which always work. */
  orphan(): void {
    const { words } = this.#thread.kernel
    Atomics.store(words, CONTROL_ORPHANED >>> 2, 1)
    this.#ring()
  }

  #take(request: Request): void {
    if (request.kind === 'note') {
      if (request.what === 'unsynced') this.#keeper.journals.noteUnsynced()
      else this.#keeper.disposal.collect()
    } else if (request.kind === 'abort') {
      this.#aborts.get(request.id)?.abort(request.reason)
    } else this.#serve(request.id, request.name, request.args)
  }

  #serve(id: number, name: ServiceName, args: readonly unknown[]): void {
    try {
      const result: unknown = serve(
        this.#keeper,
        name,
        this.#withJob(id, name, args) as ServiceArguments<typeof name>,
      )
      if (!(result instanceof Promise)) return this.#answer(id, name, result)
      result.then(
        (value) => this.#answer(id, name, value),
        (error: unknown) => this.#fail(id, name, error),
      )
    } catch (error) {
      this.#fail(id, name, error)
    }
  }

  /** The arguments, with a job control where one was. */
  #withJob(id: number, name: ServiceName, args: readonly unknown[]): readonly unknown[] {
    if (name !== 'compact' && name !== 'verify') return args
    const controller = new AbortController()
    this.#aborts.set(id, controller)
    const job = {
      signal: controller.signal,
      onProgress: (progress: { doneBytes: number; totalBytes: number }) =>
        this.#send({ kind: 'progress', id, progress }),
    }
    return [...args.slice(0, -1), job]
  }

  #answer(id: number, name: ServiceName, result: unknown): void {
    this.#aborts.delete(id)
    this.#finish(name)
    this.#send({ kind: 'answer', id, result })
  }

  #fail(id: number, name: ServiceName, error: unknown): void {
    this.#aborts.delete(id)
    this.#finish(name)
    this.#send({ kind: 'failure', id, error: sentError(error) })
  }

  /** After the last service: nothing of the database's is touched on this thread any more, but the bell. */
  #finish(name: ServiceName): void {
    if (name !== 'finish') return
    this.#keeper.close()
    this.#thread.detach()
    kept.delete(this)
  }

  #send(reply: Reply): void {
    this.#port.post(reply)
    this.#ring()
  }

  #ring(): void {
    const { words } = this.#thread.kernel
    Atomics.add(words, this.#bell, 1)
    Atomics.notify(words, this.#bell)
  }
}

const kept = new Set<KeptDatabase>()

/** Goes on as the keeper of a database. `port`: to the thread that was it until now. */
export function takeOver(
  { memory, module, directory, options, position, bell }: TakeOver,
  port: ThreadPort,
  openDirectory: (directory: unknown) => FileSystem,
): void {
  const words = new Int32Array(memory.buffer)
  try {
    useKernelModule(module)
    const thread = new DatabaseThread(Kernel.attach(memory), openDirectory(directory), options, false)
    try {
      kept.add(new KeptDatabase(thread, Keeper.takeOver(thread, position), port, bell))
    } catch (error) {
      thread.detach()
      throw error
    }
  } catch (error) {
    port.post({ kind: 'failure', id: TAKE_OVER_ID, error: sentError(error) } satisfies Reply)
    Atomics.add(words, bell >>> 2, 1)
    Atomics.notify(words, bell >>> 2)
  }
}

/** The thread ends, or cannot go on: nobody waits for it any more. */
export function orphanAll(): void {
  for (const database of kept) database.orphan()
}
