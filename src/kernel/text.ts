/**
 * UTF-8 between JavaScript strings and bytes, straight in place: in Node on a Buffer over the same bytes (linear memory
 * included); elsewhere through a small unshared bounce buffer, because TextEncoder and TextDecoder refuse shared memory.
 */
export interface TextCodec {
  /** Writes `text` at `at`; at least 3 × text.length bytes must be free there. @returns bytes written. */
  write(text: string, at: number): number
  read(at: number, length: number): string
}

class NodeTextCodec implements TextCodec {
  readonly #buffer: Buffer

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  write(text: string, at: number): number {
    const length = text.length
    // NOTE: below this length a loop is cheaper than the call into C++, as long as the text is ASCII.
    if (length <= 32) {
      const buffer = this.#buffer
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 127) break
        buffer[at + i] = code
      }
      if (i === length) return length
    }
    // NOTE: without a length Node takes the rest of the buffer, and fails where that is over 2 GiB.
    return this.#buffer.write(text, at, length * 3, 'utf8')
  }

  read(at: number, length: number): string {
    return this.#buffer.toString('utf8', at, at + length)
  }
}

const BOUNCE_BYTES = 16384

class BounceTextCodec implements TextCodec {
  readonly #bytes: Uint8Array
  readonly #encoder = new TextEncoder()
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #bounce = new Uint8Array(BOUNCE_BYTES)

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  write(text: string, at: number): number {
    if (text.length * 3 > BOUNCE_BYTES) {
      const encoded = this.#encoder.encode(text)
      this.#bytes.set(encoded, at)
      return encoded.byteLength
    }
    const { written } = this.#encoder.encodeInto(text, this.#bounce)
    this.#bytes.set(this.#bounce.subarray(0, written), at)
    return written
  }

  read(at: number, length: number): string {
    return this.#decoder.decode(this.#bytes.slice(at, at + length))
  }
}

export function textCodec(bytes: Uint8Array): TextCodec {
  return typeof process === 'object' && process.versions?.node !== undefined
    ? new NodeTextCodec(bytes)
    : new BounceTextCodec(bytes)
}
