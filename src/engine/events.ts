/** Tables were written from memory. */
export interface FlushEvent {
  readonly keyspace: string
  readonly tables: number
  readonly bytes: number
}

/** Tables were merged, or went to a lower level as they were (then nothing was read or written). */
export interface CompactionEvent {
  readonly keyspace: string
  /** That they went to. */
  readonly level: number
  readonly tables: number
  readonly readBytes: number
  readonly writtenBytes: number
}

/** A write had to wait for a flush or a compaction, or to do one. */
export interface StallEvent {
  readonly ms: number
}

/** Work in the background failed; it is tried again. */
export interface BackgroundErrorEvent {
  readonly job: 'flush' | 'compaction'
  readonly error: unknown
}

/** A long job goes on. */
export interface ProgressEvent {
  readonly job: 'compact' | 'verify'
  readonly doneBytes: number
  readonly totalBytes: number
}

/** What happens in a database, by name. */
export interface DatabaseEvents {
  flush: FlushEvent
  compaction: CompactionEvent
  stall: StallEvent
  backgroundError: BackgroundErrorEvent
  progress: ProgressEvent
}

export type EventName = keyof DatabaseEvents
export type Listener<N extends EventName> = (event: DatabaseEvents[N]) => void

export const EVENT_NAMES: readonly EventName[] = [
  'flush',
  'compaction',
  'stall',
  'backgroundError',
  'progress',
]

/**
 * Those who want to know what happens. NOTE: they are told in a microtask, never in the middle of a step: a listener may call anything.
 */
export class Events {
  readonly #listeners = new Map<EventName, Set<(event: never) => void>>()

  #forward: ((name: EventName, event: object) => void) | undefined

  on<N extends EventName>(name: N, listener: Listener<N>): void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener))
  }

  off<N extends EventName>(name: N, listener: Listener<N>): void {
    this.#listeners.get(name)?.delete(listener)
  }

  /** `listener` is told of everything, at once: for who passes it on. */
  onAny(listener: (name: EventName, event: object) => void): void {
    this.#forward = listener
  }

  emit<N extends EventName>(name: N, event: DatabaseEvents[N]): void {
    this.#forward?.(name, event)
    const listeners = this.#listeners.get(name) as ReadonlySet<Listener<N>> | undefined
    if (listeners === undefined) return
    // NOTE: one that throws is reported as any error that nobody catches, and the others are told all the same.
    for (const listener of listeners) queueMicrotask(() => listener(event))
  }
}
