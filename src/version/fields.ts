/**
 * Tagged fields: `varint32 tag | varint32 length | content`, the encoding of manifest edits (docs/manifest-format.md)
 * and table properties (docs/table-format.md). Odd tags are required: a reader that does not know one refuses the
 * file. Even tags are optional: skipped when unknown. Tag 0 is none, so a run of zero bytes is no field.
 *
 * The reader takes nothing on trust: lengths are compared with the bytes that are there before anything is allocated
 * or copied, numbers are below 2^53 and in their shortest form.
 */
import { isWellFormed } from '../bytes.ts'
import { corrupt } from '../errors.ts'
import { unknownFormat } from './binary.ts'

const maximum32 = 0xffff_ffff
/** 2^53 - 1 takes 8 groups of 7 bits. */
const longestVarintBytes = 8
const continuation = 0x80
const groupMask = 0x7f
const groupScale = 128

const encoder = new TextEncoder()
// NOTE: ignoreBOM keeps a leading U+FEFF, which is a character of the name like any other.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Where the bytes of a reader come from, for messages. */
export interface FieldSource {
  readonly file: string
  /** Offset in the file of the reader's first byte. */
  readonly offset: number
}

/**
 * Walks over fields: `while (fields.next()) switch (fields.tag) { case 1: id = fields.number(); … default: fields.unknown() }`.
 * Every field must be read to its end. All methods throw CORRUPT or FORMAT_VERSION naming file and offset.
 */
export class FieldReader {
  /** Tag of the current field. */
  tag = 0
  readonly #bytes: Uint8Array
  readonly #source: FieldSource
  readonly #isRecord: boolean
  readonly #seen = new Set<number>()
  #position = 0
  #fieldEnd = 0

  /** `isRecord`: tags ascend and come at most once each. */
  constructor(bytes: Uint8Array, source: FieldSource, isRecord: boolean) {
    this.#bytes = bytes
    this.#source = source
    this.#isRecord = isRecord
  }

  /** Goes to the next field. @returns false at the end. */
  next(): boolean {
    if (this.#position !== this.#fieldEnd)
      throw this.malformed(`field ${this.tag} is longer than its content`)
    const end = this.#bytes.byteLength
    if (this.#position === end) return false
    this.#fieldEnd = end
    const tag = this.#varint(maximum32)
    const length = this.#varint(maximum32)
    if (tag === 0) throw this.malformed('a field has tag 0')
    if (length > end - this.#position) throw this.malformed(`field ${tag} is longer than what holds it`)
    if (this.#isRecord) {
      if (tag <= this.tag) throw this.malformed(`field ${tag} is out of order`)
      this.#seen.add(tag)
    }
    this.tag = tag
    this.#fieldEnd = this.#position + length
    return true
  }

  /** A number below 2^53. */
  number(): number {
    return this.#varint(Number.MAX_SAFE_INTEGER)
  }

  /** The numbers that the rest of the field consists of, at most `most`. */
  list(most: number): number[] {
    const numbers: number[] = []
    while (this.#position < this.#fieldEnd) {
      if (numbers.length === most) throw this.malformed(`field ${this.tag} has more than ${most} numbers`)
      numbers.push(this.number())
    }
    return numbers
  }

  /** A copy of the next `length` bytes of the field. */
  bytes(length: number): Uint8Array {
    if (length > this.#fieldEnd - this.#position) throw this.malformed(`field ${this.tag} is too short`)
    const start = this.#position
    this.#position += length
    return this.#bytes.slice(start, this.#position)
  }

  /** A copy of the rest of the field, at most `maximum` bytes. */
  rest(maximum: number): Uint8Array {
    const length = this.#fieldEnd - this.#position
    if (length > maximum) throw this.malformed(`field ${this.tag} is longer than ${maximum} bytes`)
    return this.bytes(length)
  }

  /** The rest of the field as UTF-8, at most `maximum` bytes. */
  text(maximum: number): string {
    const bytes = this.rest(maximum)
    try {
      return decoder.decode(bytes)
    } catch {
      throw this.malformed(`field ${this.tag} is not valid UTF-8`)
    }
  }

  /** The rest of the field as a record. */
  record(): FieldReader {
    const start = this.#position
    this.#position = this.#fieldEnd
    const { file, offset } = this.#source
    return new FieldReader(
      this.#bytes.subarray(start, this.#fieldEnd),
      { file, offset: offset + start },
      true,
    )
  }

  /** Skips the current field, unless its tag says that it must be known. */
  unknown(): void {
    if (this.tag % 2 === 1) throw unknownFormat(this.#source.file, this.#offset, `field ${this.tag}`)
    this.#position = this.#fieldEnd
  }

  /** Of a record that was read to its end: all these fields were there. */
  demand(...tags: readonly number[]): void {
    for (const tag of tags) if (!this.#seen.has(tag)) throw this.malformed(`field ${tag} is missing`)
  }

  /** CORRUPT at the current position. */
  malformed(what: string): Error {
    return corrupt(this.#source.file, this.#offset, what)
  }

  get #offset(): number {
    return this.#source.offset + this.#position
  }

  #varint(maximum: number): number {
    let value = 0
    let scale = 1
    for (let count = 1; count <= longestVarintBytes; count++) {
      if (this.#position >= this.#fieldEnd) throw this.malformed('a number is cut off')
      const byte = this.#bytes[this.#position] as number
      this.#position++
      value += (byte & groupMask) * scale
      if (byte < continuation) {
        if (byte === 0 && count > 1) throw this.malformed('a number is not in its shortest form')
        if (value > maximum) throw this.malformed('a number is too large')
        return value
      }
      scale *= groupScale
    }
    throw this.malformed('a number is too large')
  }
}

/** Builds a sequence of fields. Fields of a record are put in ascending order of their tags. */
export class FieldWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  number(tag: number, value: number): void {
    this.numbers(tag, [value])
  }

  /** A field of numbers, one behind the other, and bytes. */
  numbers(tag: number, values: readonly number[], tail: Uint8Array = noBytes): void {
    let length = tail.byteLength
    for (const value of values) length += varintBytes(value)
    this.#begin(tag, length)
    for (const value of values) this.#varint(value)
    this.#append(tail)
  }

  bytes(tag: number, content: Uint8Array): void {
    this.#begin(tag, content.byteLength)
    this.#append(content)
  }

  /** @throws RangeError when the text has no UTF-8 form. */
  text(tag: number, content: string): void {
    if (!isWellFormed(content)) throw new RangeError('text must be well-formed Unicode')
    this.bytes(tag, encoder.encode(content))
  }

  record(tag: number, fields: FieldWriter): void {
    this.bytes(tag, fields.finish())
  }

  /** What was written, valid until the next write. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #begin(tag: number, length: number): void {
    if (tag < 1 || tag > maximum32) throw new RangeError(`tag ${tag} must be from 1 to 2^32-1`)
    if (length > maximum32) throw new RangeError(`field ${tag} must be shorter than 2^32 bytes`)
    this.#reserve(2 * longestVarintBytes + length)
    this.#varint(tag)
    this.#varint(length)
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= groupScale) {
      this.#bytes[this.#length++] = (rest % groupScale) | continuation
      rest = Math.floor(rest / groupScale)
    }
    this.#bytes[this.#length++] = rest
  }

  #append(content: Uint8Array): void {
    this.#bytes.set(content, this.#length)
    this.#length += content.byteLength
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength))
    grown.set(this.finish())
    this.#bytes = grown
  }
}

const noBytes = new Uint8Array(0)

function varintBytes(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} must be an integer from 0 to 2^53-1`)
  let count = 1
  for (let rest = value; rest >= groupScale; rest = Math.floor(rest / groupScale)) count++
  return count
}
