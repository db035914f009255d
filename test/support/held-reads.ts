import type { FaultyFileSystem } from './faulty.ts'

/** So many turns of the event loop may pass without a read. */
const IDLE_TURNS = 100

/** Holds the asynchronous reads of a file system back, to be let go one by one. */
export class HeldReads {
  /** Those that wait, oldest first. */
  readonly waiting: { readonly name: string; readonly offset: number; readonly go: () => void }[] = []
  /** All that were ever asked for. */
  readonly asked: string[] = []
  readonly #fileSystem: FaultyFileSystem

  constructor(fileSystem: FaultyFileSystem) {
    this.#fileSystem = fileSystem
    fileSystem.beforeRead = (name, offset) =>
      new Promise((go) => {
        this.asked.push(`${name}:${offset}`)
        this.waiting.push({ name, offset, go })
      })
  }

  /** Lets the oldest go, or the one with that number. */
  async letGo(which = 0): Promise<void> {
    this.waiting.splice(which, 1)[0]?.go()
    await turn()
  }

  /** Lets all go, and all that follow, until `promise` is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false
    const end = (): void => {
      settled = true
    }
    promise.then(end, end)
    for (let idle = 0; !settled; idle = this.waiting.length === 0 ? idle + 1 : 0) {
      if (idle > IDLE_TURNS) throw new Error('nothing is read, and it is not settled')
      await this.letGo()
    }
    return promise
  }

  /** From here on none waits. */
  stop(): void {
    this.#fileSystem.beforeRead = undefined
    for (const { go } of this.waiting.splice(0)) go()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
