import type { ServiceName } from '../engine/keeper-port.ts'
import type { KeeperPosition } from '../engine/keeper-position.ts'
import type { EventName } from '../engine/events.ts'
import type { Progress } from '../engine/progress.ts'
import type { EngineOptions } from '../engine/thread.ts'
import { VarveError, type VarveErrorCode } from '../errors.ts'

/** What the keeper's thread is told first, together with a port for what follows. */
export interface TakeOver {
  readonly kind: 'take-over'
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** FileSystem.share() */
  readonly directory: unknown
  readonly options: EngineOptions
  readonly position: KeeperPosition
  /** Index of the slot of the thread at the other end of the port: the owner's. */
  readonly slot: number
}

/** What the monitor is told of a database that has a keeper on a background thread, together with a port to it. */
export interface Watch {
  readonly kind: 'watch'
  readonly memory: WebAssembly.Memory
  /** One word: not 0 once the keeper has not moved after all. */
  readonly calledOff: Int32Array
}

/** From the keeper to the monitor. `thread` comes with a port, the liveness port of the thread that has, or will have, the slot. */
export type MonitorRequest = { readonly kind: 'thread'; readonly slot: number } | { readonly kind: 'unwatch' }

/** From the monitor to the keeper: a thread has ended without a word, outside of anything critical. */
export interface ThreadEnded {
  readonly kind: 'ended'
  readonly slot: number
}

/** From a thread to the monitor. */
export type LivenessMessage =
  /** The thread has let go of the database. */
  | { readonly kind: 'left' }
  /** Whether there is somebody. */
  | { readonly kind: 'pulse' }

/** From one who uses a database to its keeper. */
export type Request =
  | {
      readonly kind: 'call'
      readonly id: number
      readonly name: ServiceName
      readonly args: readonly unknown[]
    }
  | { readonly kind: 'abort'; readonly id: number }
  | { readonly kind: 'note'; readonly what: 'unsynced' | 'read-ended' }
  /** The memtables of these keyspaces, or the journal, are full; writes go on for a little while. */
  | { readonly kind: 'room-soon'; readonly ids: readonly number[] }
  /** From the owner only: the end. */
  | { readonly kind: 'finish'; readonly id: number }
  /** From the owner only. Another thread may use the database: with two ports, for its calls and its liveness. */
  | { readonly kind: 'admit'; readonly slot: number }
  /** From the owner only. The port to the monitor. */
  | { readonly kind: 'monitor' }

/** From the keeper. */
export type Reply =
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: SentError }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'event'; readonly name: EventName; readonly event: object }
  /** The owner closes the database. */
  | { readonly kind: 'closed' }

/** The id of the answer to a take-over. */
export const TAKE_OVER_ID = 0

/** An error on its way to another thread. */
export type SentError =
  | {
      readonly type: 'varve'
      readonly code: VarveErrorCode
      readonly message: string
      readonly file: string | undefined
      readonly offset: number | undefined
      readonly cause: unknown
    }
  | {
      readonly type: 'range' | 'type' | 'other'
      readonly message: string
      readonly stack: string | undefined
    }

export function sentError(error: unknown): SentError {
  if (error instanceof VarveError) {
    const { code, message, file, offset, cause } = error
    return { type: 'varve', code, message, file, offset, cause: sentCause(cause) }
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const type = error instanceof RangeError ? 'range' : error instanceof TypeError ? 'type' : 'other'
  return { type, message, stack }
}

/** The same error, as far as it can be told. */
export function receivedError(sent: SentError): Error {
  if (sent.type === 'varve') {
    const { code, message, file, offset, cause } = sent
    return new VarveError(code, message, {
      ...(file !== undefined && { file }),
      ...(offset !== undefined && { offset }),
      ...(cause !== undefined && { cause }),
    })
  }
  const { type, message, stack } = sent
  const error =
    type === 'range' ? new RangeError(message) : type === 'type' ? new TypeError(message) : new Error(message)
  if (stack !== undefined) error.stack = stack
  return error
}

/** NOTE: a cause is the host's, of any kind; errors can be cloned, and with them what matters. */
function sentCause(cause: unknown): unknown {
  if (cause instanceof VarveError) return receivedError(sentError(cause))
  if (cause instanceof Error) return cause
  return typeof cause === 'string' ? cause : undefined
}

/** An event on its way to another thread. */
export function sentEvent(event: object): object {
  return 'error' in event ? { ...event, error: sentError(event.error) } : event
}

export function receivedEvent(event: object): object {
  return 'error' in event ? { ...event, error: receivedError(event.error as SentError) } : event
}
