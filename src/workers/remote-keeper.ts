import {
  CONTROL_HISTORIES,
  CONTROL_ORPHANED,
  CONTROL_UNSYNCED,
  SLOT_BELL,
} from '../../assembly/memory/layout.ts'
import type {
  JobControl,
  KeeperPort,
  ServiceArguments,
  ServiceName,
  ServiceResult,
  SharedEnds,
} from '../engine/keeper-port.ts'
import { closed, type DatabaseThread } from '../engine/thread.ts'
import { VarveError } from '../errors.ts'
import { SLICE_MS } from '../sync/wait.ts'
import { receivedError, receivedEvent, type Reply, type Request } from './messages.ts'
import type { ThreadPort } from './thread-host.ts'

/** A request that has no answer yet. */
interface Pending {
  readonly settle: (outcome: Outcome) => void
  readonly job: JobControl | undefined
}

type Outcome = { readonly result: unknown } | { readonly error: unknown }

/**
 * The keeper of a database that works on another thread. A call sends a message and sleeps on this thread's bell until the answer is there; it needs no turn of this
 * thread's event loop, nor does the keeper.
 */
export class RemoteKeeper implements KeeperPort {
  readonly begun = true
  readonly #thread: DatabaseThread
  readonly #port: ThreadPort
  /** Index of the bell's word. */
  readonly #bell: number
  readonly #pending = new Map<number, Pending>()
  #nextId = 1
  #closed = false
  #finishing = false
  /** Why nobody answers any more. */
  #orphaned: unknown
  /** Called when the owner closes the database. */
  onClosed: () => void = () => {}

  constructor(thread: DatabaseThread, port: ThreadPort) {
    this.#thread = thread
    this.#port = port
    this.#bell = (thread.kernel.slot + SLOT_BELL) >>> 2
    port.onMessage((message) => this.#take(message as Reply))
    port.onClose(() => {
      if (!thread.isOver) this.orphan(new Error('the background thread ended'))
    })
    port.keepAlive(false)
  }

  /** Sleeps until the answer to message `id`, which was sent by other means, is there. @throws the error it is */
  awaitAnswer(id: number): void {
    let outcome: Outcome | undefined
    this.#pending.set(id, { settle: (found) => (outcome = found), job: undefined })
    this.#sleepUntil(() => outcome !== undefined)
    resultOf(outcome)
  }

  call<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): ServiceResult<N> {
    let outcome: Outcome | undefined
    this.#send(name, args, { settle: (found) => (outcome = found), job: undefined })
    this.#sleepUntil(() => outcome !== undefined)
    return resultOf(outcome) as ServiceResult<N>
  }

  ask<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): Promise<Awaited<ServiceResult<N>>> {
    return new Promise((resolve, reject) => {
      const job = args.find(isJob)
      const signal = job?.signal
      let id = 0
      const abort = (): void => this.#post({ kind: 'abort', id })
      signal?.addEventListener('abort', abort)
      const settle = (outcome: Outcome): void => {
        signal?.removeEventListener('abort', abort)
        try {
          resolve(resultOf(outcome) as Awaited<ServiceResult<N>>)
        } catch (error) {
          reject(signal?.aborted === true ? abortedWith(error, signal) : error)
        }
      }
      const sent = args.map((each) => (isJob(each) ? { isAborted: signal?.aborted === true } : each))
      id = this.#send(name, sent, { settle, job })
    })
  }

  async finish(): Promise<void> {
    this.#finishing = true
    await new Promise<unknown>((resolve, reject) => {
      const settle = (outcome: Outcome): void => {
        this.#finishing = false
        if ('error' in outcome) reject(outcome.error)
        else resolve(undefined)
      }
      this.#await({ settle, job: undefined }, (id) => ({ kind: 'finish', id }))
    })
  }

  awaitFinish(): boolean {
    if (!this.#finishing) return false
    this.#sleepUntil(() => !this.#finishing)
    return true
  }

  /** Tells the keeper of another thread. The ports: to that thread, for its calls and its liveness. */
  admit(slot: number, calls: ThreadPort, liveness: ThreadPort): void {
    this.#post({ kind: 'admit', slot }, [calls, liveness])
  }

  /** Tells the keeper of the monitor. */
  introduceMonitor(monitor: ThreadPort): void {
    this.#post({ kind: 'monitor' }, [monitor])
  }

  async share(): Promise<SharedEnds> {
    throw new VarveError(
      'NOT_SUPPORTED',
      'A database is shared by the thread that opened it; call share() there.',
    )
  }

  mustWait(): boolean {
    return true
  }

  async progress(ids: readonly number[], pages: number, deadline: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - Date.now()) + 1)
    })
    try {
      await Promise.race([this.ask('makeRoom', ids, pages), late])
    } finally {
      clearTimeout(timer)
    }
  }

  prepareRoom(ids: readonly number[]): void {
    this.#post({ kind: 'room-soon', ids })
  }

  noteUnsynced(): void {
    const { words } = this.#thread.kernel
    if (Atomics.load(words, CONTROL_UNSYNCED >>> 2) !== 0) return
    if (Atomics.exchange(words, CONTROL_UNSYNCED >>> 2, 1) === 0)
      this.#post({ kind: 'note', what: 'unsynced' })
  }

  /** What has no answer yet is told that it is over. */
  close(): void {
    this.#closed = true
    this.#port.close()
    this.#settleAll(closed())
  }

  /** The keeper's thread has ended: nobody will answer. */
  orphan(cause: unknown): void {
    if (this.#closed) return
    const error = this.#thread.poison(cause)
    this.#orphaned = error
    this.#settleAll(error)
    this.#port.keepAlive(false)
  }

  #settleAll(error: unknown): void {
    for (const { settle } of [...this.#pending.values()]) settle({ error })
    this.#pending.clear()
  }

  /** A read has ended, on which older SuperVersions may have waited. */
  noteReadEnded(): void {
    const { words } = this.#thread.kernel
    if (Atomics.load(words, CONTROL_HISTORIES >>> 2) > 0) this.#post({ kind: 'note', what: 'read-ended' })
  }

  #send(name: ServiceName, args: readonly unknown[], pending: Pending): number {
    return this.#await(pending, (id) => ({ kind: 'call', id, name, args }))
  }

  #await(pending: Pending, request: (id: number) => Request): number {
    const id = this.#nextId++
    if (this.#orphaned !== undefined) {
      pending.settle({ error: this.#orphaned })
      return id
    }
    this.#post(request(id))
    this.#pending.set(id, pending)
    this.#port.keepAlive(true)
    return id
  }

  #post(request: Request, ports: readonly ThreadPort[] = []): void {
    if (!this.#closed) this.#port.post(request, ports)
  }

  /** Takes messages, sleeping between them. @throws POISONED if none can come any more */
  #sleepUntil(isOver: () => boolean): void {
    const { words } = this.#thread.kernel
    while (!isOver()) {
      // ORDER: the bell is read before the port is looked at; who sends rings after the message is there.
      const rung = Atomics.load(words, this.#bell)
      const message = this.#port.receive()
      if (message !== undefined) {
        this.#take(message as Reply)
        continue
      }
      if (Atomics.load(words, CONTROL_ORPHANED >>> 2) !== 0) {
        this.orphan(new Error('the background thread ended'))
        return
      }
      Atomics.wait(words, this.#bell, rung, SLICE_MS)
      this.#thread.onSleep?.()
    }
  }

  #take(reply: Reply): void {
    if (this.#closed) return
    if (reply.kind === 'closed') return this.onClosed()
    if (reply.kind === 'event') {
      this.#thread.events.emit(reply.name, receivedEvent(reply.event) as never)
      return
    }
    const pending = this.#pending.get(reply.id)
    if (pending === undefined) return
    if (reply.kind === 'progress') {
      try {
        pending.job?.onProgress(reply.progress)
      } catch (error) {
        // NOTE: what the user's listener throws ends the job, as it does where the keeper is on this thread.
        this.#post({ kind: 'abort', id: reply.id })
        this.#settle(reply.id, { error })
      }
      return
    }
    this.#settle(
      reply.id,
      reply.kind === 'answer' ? { result: reply.result } : { error: receivedError(reply.error) },
    )
  }

  /** The end of one that was asked for. */
  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (this.#pending.size === 0) this.#port.keepAlive(false)
    pending?.settle(outcome)
  }
}

function resultOf(outcome: Outcome | undefined): unknown {
  if (outcome === undefined) throw new Error('there is no answer')
  if ('error' in outcome) throw outcome.error
  return outcome.result
}

function isJob(value: unknown): value is JobControl {
  return typeof value === 'object' && value !== null && 'onProgress' in value
}

/** The same error with the reason that was given here: reasons are of any kind, and stay on their thread. */
function abortedWith(error: unknown, { reason }: AbortSignal): unknown {
  if (!(error instanceof VarveError) || error.code !== 'ABORTED') return error
  return new VarveError('ABORTED', error.message, { cause: reason as unknown })
}
