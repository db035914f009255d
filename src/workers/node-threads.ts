import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
  type WorkerOptions,
} from 'node:worker_threads'
import type { HostThread, ThreadHost, ThreadPort, ThreadPorts } from './thread-host.ts'

/** The threads of Node.js. `create`: makes a Worker of a script. */
export function nodeThreads(
  create: (source: string, options: WorkerOptions) => object = (source, options) =>
    new Worker(source, options),
): ThreadHost {
  return {
    ...nodePorts,
    start(source, ready) {
      const worker = create(source, {
        eval: true,
        workerData: { ready },
        // INVARIANT: files that it opens are closed by name, not by its end: other threads use them.
        trackUnmanagedFds: false,
        // NOTE: nothing of how the program was started is for it.
        execArgv: [],
        argv: [],
      })
      if (!(worker instanceof Worker)) throw new TypeError('createWorker must return a Worker')
      worker.unref()
      return new NodeThread(worker)
    },
  }
}

/** The ports of Node.js. */
export const nodePorts: ThreadPorts = {
  channel() {
    const { port1, port2 } = new MessageChannel()
    return [new NodePort(port1), new NodePort(port2)]
  },
  sent: (port) => (port as NodePort).port,
  received: (port) => new NodePort(port as MessagePort),
}

class NodeThread implements HostThread {
  readonly #worker: Worker
  #isStopped = false

  constructor(worker: Worker) {
    this.#worker = worker
  }

  post(message: object, ports: readonly ThreadPort[]): void {
    postWith(this.#worker, message, ports)
  }

  onEnd(listener: (error: unknown) => void): void {
    let cause: unknown = new Error('the background thread ended')
    this.#worker.on('error', (error) => (cause = error))
    this.#worker.on('exit', () => {
      if (!this.#isStopped) listener(cause)
    })
  }

  stop(): void {
    this.#isStopped = true
    void this.#worker.terminate()
  }
}

/** The ports that came with a message. */
export function portsOf(message: unknown): readonly NodePort[] {
  const { ports = [] } = message as { readonly ports?: readonly MessagePort[] }
  return ports.map((port) => new NodePort(port))
}

function postWith(target: Worker | MessagePort, message: object, ports: readonly ThreadPort[]): void {
  if (ports.length === 0) return target.postMessage(message)
  const transferred = ports.map((port) => (port as NodePort).port)
  target.postMessage({ ...message, ports: transferred }, transferred)
}

/** A port of Node.js. */
export class NodePort implements ThreadPort {
  readonly port: MessagePort

  constructor(port: MessagePort) {
    this.port = port
  }

  post(message: object, ports: readonly ThreadPort[] = []): void {
    postWith(this.port, message, ports)
  }

  onMessage(listener: (message: unknown, ports: readonly ThreadPort[]) => void): void {
    this.port.on('message', (message: unknown) => listener(message, portsOf(message)))
  }

  onClose(listener: () => void): void {
    this.port.on('close', listener)
  }

  receive(): unknown {
    return (receiveMessageOnPort(this.port) as { message: unknown } | undefined)?.message
  }

  keepAlive(keeps: boolean): void {
    if (keeps) this.port.ref()
    else this.port.unref()
  }

  close(): void {
    this.port.close()
  }
}
