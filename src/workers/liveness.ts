import { SLOT_PULSE } from '../../assembly/memory/layout.ts'
import type { DatabaseThread } from '../engine/thread.ts'
import type { LivenessMessage } from './messages.ts'
import type { ThreadPort } from './thread-host.ts'

/** While a thread sleeps it asks the monitor this often whether it lives. */
const ASK_MS = 200
/**
 * A monitor does nothing but answer; one that has not after so many slices of sleep (5 s) has ended, with the thread that opened the database. NOTE: no clock, which goes on when
 * a process is stopped.
 */
const ANSWER_SLICES = 250

/** What a thread that was admitted to a shared database shows of itself, and sees of the monitor. */
export class Liveness {
  readonly #thread: DatabaseThread
  readonly #port: ThreadPort
  readonly #onLost: (cause: unknown) => void
  readonly #pulse: number
  #askedAtMs = 0
  #answered = 0
  #waits = false
  #slices = 0

  /** `onLost` is called when the monitor has ended: nobody watches over the database any more. */
  constructor(thread: DatabaseThread, port: ThreadPort, onLost: (cause: unknown) => void) {
    this.#thread = thread
    this.#port = port
    this.#onLost = onLost
    this.#pulse = (thread.kernel.slot + SLOT_PULSE) >>> 2
    port.onClose(() => this.#lost())
    port.keepAlive(false)
    thread.onSleep = () => this.check()
  }

  /** For a thread that sleeps, again and again: messages and ends of ports cannot reach it. */
  check(): void {
    const answers = Atomics.load(this.#thread.kernel.words, this.#pulse)
    if (this.#waits && answers === this.#answered) {
      if (++this.#slices > ANSWER_SLICES) this.#lost()
      return
    }
    this.#waits = false
    const now = performance.now()
    if (now - this.#askedAtMs < ASK_MS) return
    this.#answered = answers
    this.#askedAtMs = now
    this.#waits = true
    this.#slices = 0
    this.#port.post({ kind: 'pulse' } satisfies LivenessMessage)
  }

  /** The thread lets go of the database. */
  leave(): void {
    this.#thread.onSleep = undefined
    this.#port.post({ kind: 'left' } satisfies LivenessMessage)
    this.#port.close()
  }

  #lost(): void {
    if (!this.#thread.isOver) this.#onLost(new Error('the thread that opened the database has ended'))
  }
}
