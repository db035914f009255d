import type { Column, Content } from './messages.ts'

const FIRST_BYTES = 4096
const FIRST_ENTRIES = 64

/** Puts a column together: texts, or bytes. */
export class ColumnBuilder {
  readonly #texts: string[] | undefined
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #ends: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  #end = 0
  #count = 0

  constructor(isText: boolean) {
    if (isText) this.#texts = []
  }

  /** About how many bytes it has. */
  get sizeBytes(): number {
    return this.#end
  }

  add(content: Content): void {
    if (typeof content === 'string') {
      this.#texts?.push(content)
      this.#end += content.length
      return
    }
    const length = content.byteLength
    if (length > this.#bytes.byteLength - this.#end)
      this.#bytes = grown(this.#bytes, new Uint8Array(this.#room(length)))
    if (this.#count === this.#ends.length)
      this.#ends = grown(this.#ends, new Uint32Array(Math.max(FIRST_ENTRIES, this.#count * 2)))
    this.#bytes.set(content, this.#end)
    this.#end += length
    this.#ends[this.#count++] = this.#end
  }

  /** The column; its buffers are appended to `buffers`. */
  take(buffers: ArrayBuffer[]): Column {
    if (this.#texts !== undefined) return this.#texts
    if (this.#bytes.byteLength > 0) buffers.push(this.#bytes.buffer)
    if (this.#ends.byteLength > 0) buffers.push(this.#ends.buffer)
    return { bytes: this.#bytes.subarray(0, this.#end), ends: this.#ends.subarray(0, this.#count) }
  }

  #room(more: number): number {
    return Math.max(FIRST_BYTES, this.#bytes.byteLength * 2, this.#end + more)
  }
}

function grown<T extends Uint8Array | Uint32Array>(before: T, after: T): T {
  after.set(before)
  return after
}

/** Entry `i` of a column. */
export function columnAt(column: Column, i: number): Content {
  if (Array.isArray(column)) return column[i] as string
  const { bytes, ends } = column
  return bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i])
}
