import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { OutputClosed } from './failure.ts'

const CHUNK_CHARACTERS = 65536

/**
 * Lines for standard output, handed over in chunks that wait for the reader.
 *
 * @example
 * output.line('a'); if (output.isFull) await output.flush()
 */
export class Output {
  readonly #stream: Writable
  #pending = ''
  #failure: Error | undefined

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error.code === 'EPIPE' ? new OutputClosed() : error
    })
  }

  line(text: string): void {
    this.#pending += text + '\n'
  }

  get isFull(): boolean {
    return this.#pending.length >= CHUNK_CHARACTERS
  }

  /** Hands over what is pending. @throws OutputClosed when nobody reads any more. */
  async flush(): Promise<void> {
    const chunk = this.#pending
    this.#pending = ''
    if (this.#failure) throw this.#failure
    if (chunk === '') return
    const isAccepted = this.#stream.write(chunk)
    // An EPIPE is reported after the call; give it the chance before the next chunk is made.
    await (isAccepted ? new Promise((resolve) => setImmediate(resolve)) : this.#drained())
    if (this.#failure) throw this.#failure
  }

  async #drained(): Promise<void> {
    try {
      await once(this.#stream, 'drain')
    } catch {
      // The error listener has kept the reason.
    }
  }
}
