/**
 * What varve needs of the threads of its host. Implementations: node-threads.ts. A host without one does everything on one thread.
 */
export interface ThreadHost extends ThreadPorts {
  /** Starts a thread that runs `source`, a script; `ready` is its word to say that it listens. It does not keep the process alive. */
  start(source: string, ready: Int32Array): HostThread
}

export interface ThreadPorts {
  /** Two ends of a channel. */
  channel(): readonly [ThreadPort, ThreadPort]
  /** A port as the host posts it, and what came back out of it on another thread. */
  sent(port: ThreadPort): unknown
  received(port: unknown): ThreadPort
}

/** A thread that was started. */
export interface HostThread {
  /** Sends a message; the ports in it are handed over. */
  post(message: object, ports: readonly ThreadPort[]): void
  /** `listener` is called once if the thread ends before `stop`. */
  onEnd(listener: (error: unknown) => void): void
  stop(): void
}

/** One end of a channel between two threads. */
export interface ThreadPort {
  /** Sends a message; the ports are handed over with it. */
  post(message: object, ports?: readonly ThreadPort[]): void
  /** Messages that are not received come here, in turns of their own. */
  onMessage(listener: (message: unknown, ports: readonly ThreadPort[]) => void): void
  /** `listener` is called once when the other end is closed, or its thread has ended. */
  onClose(listener: () => void): void
  /** The oldest message that has not come yet, without waiting for a turn. */
  receive(): unknown
  /** Whether what may come keeps the process alive. */
  keepAlive(keeps: boolean): void
  close(): void
}
