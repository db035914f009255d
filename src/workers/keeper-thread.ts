import { CONTROL_ORPHANED, CONTROL_SHUT } from '../../assembly/memory/layout.ts'
import { poisonAll, ring, takenSlots } from '../engine/critical-section.ts'
import { Keeper } from '../engine/keeper.ts'
import { readsElsewhereEnded } from '../engine/last-reads.ts'
import { DatabaseThread } from '../engine/thread.ts'
import type { FileSystem } from '../fs/filesystem.ts'
import { Kernel } from '../kernel/kernel.ts'
import { useKernelModule } from '../kernel/load.ts'
import { KeeperClient } from './keeper-client.ts'
import {
  sentError,
  sentEvent,
  TAKE_OVER_ID,
  type MonitorRequest,
  type Reply,
  type Request,
  type TakeOver,
  type ThreadEnded,
} from './messages.ts'
import type { ThreadPort } from './thread-host.ts'

/** A database whose keeper this thread is. */
class KeptDatabase {
  readonly #thread: DatabaseThread
  readonly #keeper: Keeper
  /** The threads that use it, by their slots; the owner is the first. */
  readonly #clients = new Map<number, KeeperClient>()
  readonly #owner: number
  #monitor: ThreadPort | undefined

  constructor(thread: DatabaseThread, keeper: Keeper, owner: number, port: ThreadPort) {
    this.#thread = thread
    this.#keeper = keeper
    this.#owner = owner
    this.#admit(owner, port)
    thread.events.onAny((name, event) => this.#sendAll({ kind: 'event', name, event: sentEvent(event) }))
    this.#clients.get(owner)?.send({ kind: 'answer', id: TAKE_OVER_ID, result: undefined })
    keeper.resume()
  }

  /** This thread cannot go on. NOTE: plain stores, which always work. */
  orphan(): void {
    const { words } = this.#thread.kernel
    Atomics.store(words, CONTROL_ORPHANED >>> 2, 1)
    poisonAll(words)
  }

  #admit(slot: number, port: ThreadPort): void {
    const client = new KeeperClient(
      this.#keeper,
      slot,
      port,
      (request, ports) => this.#take(request, ports),
      () => {
        // NOTE: the slot may be another thread's by now.
        if (this.#clients.get(slot) === client) this.#clients.delete(slot)
      },
    )
    this.#clients.set(slot, client)
  }

  #take(request: Request, ports: readonly ThreadPort[]): void {
    const [port, liveness] = ports
    if (request.kind === 'note') {
      if (request.what === 'unsynced') this.#keeper.journals.noteUnsynced()
      else this.#keeper.disposal.collect()
    } else if (request.kind === 'room-soon') this.#keeper.budget.prepare(request.ids)
    else if (request.kind === 'finish') void this.#finish(request.id)
    else if (request.kind === 'monitor' && port !== undefined) {
      this.#monitor = port
      port.onMessage((message) => this.#reclaim((message as ThreadEnded).slot))
    } else if (request.kind === 'admit' && port !== undefined && liveness !== undefined) {
      this.#admit(request.slot, port)
      this.#monitor?.post({ kind: 'thread', slot: request.slot } satisfies MonitorRequest, [liveness])
    }
  }

  #sendAll(reply: Reply): void {
    for (const client of this.#clients.values()) client.send(reply)
  }

  /** Takes back what a thread had that has ended. INVARIANT: it was in the middle of nothing. */
  #reclaim(slot: number): void {
    const { kernel, snapshots } = this.#thread
    if (this.#keeper.closed || !takenSlots(kernel.words).includes(slot)) return
    try {
      // NOTE: the lock may have been handed to it after the monitor looked.
      if (!this.#thread.forgetWaiting(slot)) return poisonAll(kernel.words)
    } catch {
      // NOTE: of a poisoned database nothing is taken back.
      return
    }
    snapshots.releaseOf(slot)
    this.#keeper.journals.forgetSyncsOf(slot)
    this.#keeper.disposal.forgetReader(slot)
    kernel.exports.giveSlot(slot)
    this.#keeper.disposal.collect()
  }

  /** The end: nothing of the database's is touched on this thread any more, but bells. */
  async #finish(id: number): Promise<void> {
    const owner = this.#clients.get(this.#owner)
    // NOTE: whoever asks for something from here on is told that it is over.
    this.#thread.shut = true
    if (Atomics.load(this.#thread.kernel.words, CONTROL_SHUT >>> 2) !== 0) await this.#partFromGuests()
    let reply: Reply = { kind: 'answer', id, result: undefined }
    try {
      await this.#keeper.finish()
    } catch (error) {
      reply = { kind: 'failure', id, error: sentError(error) }
    }
    this.#monitor?.post({ kind: 'unwatch' } satisfies MonitorRequest)
    this.#keeper.close()
    this.#thread.detach()
    kept.delete(this)
    owner?.send(reply)
  }

  /** Tells the other threads, and waits until no read of theirs goes on. */
  async #partFromGuests(): Promise<void> {
    for (const [slot, client] of this.#clients) if (slot !== this.#owner) client.send({ kind: 'closed' })
    const { words, slotIndex } = this.#thread.kernel
    await readsElsewhereEnded(words, [this.#owner, slotIndex])
  }
}

const kept = new Set<KeptDatabase>()

/** Goes on as the keeper of a database. `port`: to the thread that was it until now. */
export function takeOver(
  { memory, module, directory, options, position, slot }: TakeOver,
  port: ThreadPort,
  openDirectory: (directory: unknown) => FileSystem,
): void {
  try {
    useKernelModule(module)
    const thread = new DatabaseThread(Kernel.attach(memory), openDirectory(directory), options, false)
    thread.isKeeping = true
    try {
      kept.add(new KeptDatabase(thread, Keeper.takeOver(thread, position), slot, port))
    } catch (error) {
      thread.detach()
      throw error
    }
  } catch (error) {
    port.post({ kind: 'failure', id: TAKE_OVER_ID, error: sentError(error) } satisfies Reply)
    ring(new Int32Array(memory.buffer), slot)
  }
}

/** The thread ends, or cannot go on: nobody waits for it any more. */
export function orphanAll(): void {
  for (const database of kept) database.orphan()
}
