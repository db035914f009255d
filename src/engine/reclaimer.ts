import type { Kernel } from '../kernel/kernel.ts'

/** Something that was replaced, and may be read by calls that began before. */
interface Retired {
  readonly tag: number
  /** Whether anybody but a call under way needs it still. */
  readonly isHeld: () => boolean
  readonly free: () => void
}

/** What reads under way held back is looked at again after this time. */
const LOOK_AGAIN_MS = 5

/**
 * Frees what was replaced when no thread can be reading it any more (assembly/memory/epoch.ts). With one thread that is at once: a read is a call, and it is over.
 */
export class Reclaimer {
  readonly #kernel: Kernel
  /** Oldest first. */
  #retired: Retired[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** How many wait. */
  get pending(): number {
    return this.#retired.length
  }

  /**
   * `free` is called when no read is left that began before this call, and `isHeld` says no.
   * INVARIANT: no shared pointer leads to what it frees any more.
   */
  retire(free: () => void, isHeld: () => boolean = never): void {
    const tag = this.#kernel.exports.retire()
    this.#retired.push({ tag, isHeld, free })
    this.collect()
  }

  /** Frees what can be freed by now, and has the rest looked at again. */
  collect(): void {
    this.#freeUnread()
    if (this.#retired.length === 0 || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.collect()
    }, LOOK_AGAIN_MS)
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  #freeUnread(): void {
    const { exports } = this.#kernel
    while (this.#retired.length > 0) {
      // NOTE: a tag that is not read by anybody is followed by others that may be; but one that is read is followed by none that is not.
      const read = this.#retired.findIndex(({ tag }) => exports.isRead(tag) !== 0)
      const count = read === -1 ? this.#retired.length : read
      const free = this.#retired.slice(0, count).filter(({ isHeld }) => !isHeld())
      if (free.length === 0) return
      this.#retired = this.#retired.filter((each) => !free.includes(each))
      for (const each of free) each.free()
    }
  }

  /** Frees everything: at the end, when nobody reads. */
  freeAll(): void {
    clearTimeout(this.#timer)
    const all = this.#retired
    this.#retired = []
    for (const { free } of all) free()
  }
}

function never(): boolean {
  return false
}
