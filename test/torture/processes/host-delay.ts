/** How long the host kept this process from running, which it may have done to others as well: a bound of time is that much longer. */
const INTERVAL_MS = 10

export class HostDelay {
  #ms = 0
  #last = performance.now()
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => this.#look(), INTERVAL_MS)
  }

  #look(): void {
    const now = performance.now()
    this.#ms += Math.max(0, now - this.#last - INTERVAL_MS)
    this.#last = now
  }

  /** In all, since it was begun. */
  get ms(): number {
    this.#look()
    return this.#ms
  }

  end(): void {
    clearInterval(this.#timer)
  }
}
