/** Those who wait for work in the background to get on. */
export class Waiters {
  #waiting: (() => void)[] = []

  /** Resolves when a flush or a compaction ended or failed, or at the deadline (milliseconds since 1970). */
  progress(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()) + 1)
      this.#waiting.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Lets those who wait look again. */
  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
