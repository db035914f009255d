/** Length of the first piece of a turn; each further one is twice as long. */
const FIRST_BYTES = 256
const PIECE_MAX_BYTES = 262144

/**
 * Where the bytes of one message are put together: they are views of a few buffers, which a message copies or takes along as a whole, instead of one buffer each.
 */
export class Arena {
  #piece: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #end = 0
  #nextBytes = FIRST_BYTES
  #buffers: ArrayBuffer[] = []

  /** What is given, its bytes copied if it is bytes: whoever gave it may use them for something else. */
  own<T>(content: T): T {
    return content instanceof Uint8Array ? (this.#copy(content) as Uint8Array as T) : content
  }

  #copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const length = bytes.byteLength
    if (length > this.#piece.byteLength - this.#end) this.#open(length)
    const at = this.#end
    this.#end = at + length
    this.#piece.set(bytes, at)
    return this.#piece.subarray(at, at + length)
  }

  /** The buffers of what was put together since the last call; nothing more goes into them. */
  take(): ArrayBuffer[] {
    const buffers = this.#buffers
    this.#buffers = []
    this.#piece = new Uint8Array(0)
    this.#end = 0
    this.#nextBytes = FIRST_BYTES
    return buffers
  }

  #open(bytes: number): void {
    const length = Math.max(bytes, this.#nextBytes)
    this.#nextBytes = Math.min(this.#nextBytes * 2, PIECE_MAX_BYTES)
    this.#piece = new Uint8Array(length)
    this.#end = 0
    this.#buffers.push(this.#piece.buffer)
  }
}
