import type { ServiceArguments, ServiceName } from '../engine/keeper-port.ts'
import type { Keeper } from '../engine/keeper.ts'
import { ring } from '../engine/critical-section.ts'
import { sentError, type Reply, type Request } from './messages.ts'
import { serve } from './services.ts'
import type { ThreadPort } from './thread-host.ts'

/** A thread that uses a database, as the thread of its keeper sees it. */
export class KeeperClient {
  readonly slot: number
  readonly #keeper: Keeper
  readonly #port: ThreadPort
  readonly #aborts = new Map<number, AbortController>()

  /** `others`: takes the requests that are no calls of the keeper's services. */
  constructor(
    keeper: Keeper,
    slot: number,
    port: ThreadPort,
    others: (request: Request, ports: readonly ThreadPort[]) => void,
    onLeft: () => void,
  ) {
    this.slot = slot
    this.#keeper = keeper
    this.#port = port
    port.onMessage((message, ports) => {
      const request = message as Request
      if (request.kind === 'call') this.#serve(request.id, request.name, request.args)
      else if (request.kind === 'abort') this.#aborts.get(request.id)?.abort()
      else others(request, ports)
    })
    port.onClose(() => {
      for (const controller of this.#aborts.values())
        controller.abort(new Error('the thread that asked has ended'))
      onLeft()
    })
  }

  send(reply: Reply): void {
    this.#port.post(reply)
    ring(this.#keeper.kernel.words, this.slot)
  }

  #serve(id: number, name: ServiceName, args: readonly unknown[]): void {
    try {
      // NOTE: the last service was that of the owner; who comes later is told that it is over.
      if (this.#keeper.closed) this.#keeper.thread.assertOpen()
      const withJob = this.#withJob(id, name, args) as ServiceArguments<typeof name>
      const result: unknown = serve(this.#keeper, name, withJob)
      if (!(result instanceof Promise)) return this.#answer(id, result)
      result.then(
        (value) => this.#answer(id, value),
        (error: unknown) => this.#fail(id, error),
      )
    } catch (error) {
      this.#fail(id, error)
    }
  }

  /** The arguments, with a job control where one was. */
  #withJob(id: number, name: ServiceName, args: readonly unknown[]): readonly unknown[] {
    if (name !== 'compact' && name !== 'verify') return args
    const controller = new AbortController()
    if ((args.at(-1) as { readonly isAborted: boolean }).isAborted) controller.abort()
    this.#aborts.set(id, controller)
    const job = {
      signal: controller.signal,
      onProgress: (progress: { doneBytes: number; totalBytes: number }) =>
        this.send({ kind: 'progress', id, progress }),
    }
    return [...args.slice(0, -1), job]
  }

  #answer(id: number, result: unknown): void {
    this.#aborts.delete(id)
    this.send({ kind: 'answer', id, result })
  }

  #fail(id: number, error: unknown): void {
    this.#aborts.delete(id)
    this.send({ kind: 'failure', id, error: sentError(error) })
  }
}
