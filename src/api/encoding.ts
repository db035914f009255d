import { mayGrow, SHORT_BYTES, type Content } from '../engine/record.ts'
import type { Kernel } from '../kernel/kernel.ts'
import type { Encoding } from './types.ts'
import { bufferOver, type ResultPool } from './result-pool.ts'

/**
 * One keyspace's way of turning what the user gives into content, and stored bytes into what the user gets. Reading has two steps: what is needed is
 * copied out of linear memory, then it is decoded, which may run the user's code, which may use the database.
 */
export interface Codec {
  /** @throws TypeError naming `what` if the value cannot be encoded. */
  encode(value: unknown, what: string): Content
  /** Copies the value at [pointer, pointer + length) of linear memory. */
  copyOut(pointer: number, length: number): unknown
  /** The same from bytes that nobody else uses. */
  copyFrom(bytes: Uint8Array): unknown
  /** The same as a view of a piece that was copied before. Absent: it is read out of linear memory. */
  copied?(memory: ArrayBuffer, at: number, length: number): unknown
  /** Makes what the user gets of what was copied. */
  decode(copy: unknown): unknown
  /** That is the same. */
  readonly isFinal: boolean
}

/**
 * What is given as text or bytes. NOTE: whoever copies it into linear memory asks for its length, then for its bytes: the two must agree whatever
 * is given. A subclass, an own property, or a thread that makes a shared buffer grow could say one and copy the other, so of those a copy is taken;
 * a Proxy is none. A short one that grows is found out by copyContent.
 */
export function contentOf(value: unknown, what: string): Content {
  if (typeof value === 'string') return value
  // NOTE: the plain ones first, without `instanceof`, which costs as much as all else here.
  if (isPlain(value) && value.byteLength > 0 && (value.byteLength <= SHORT_BYTES || !mayGrow(value.buffer)))
    return value
  if (!(value instanceof Uint8Array) || !ArrayBuffer.isView(value))
    throw new TypeError(`${what} must be a string or a Uint8Array, not ${describe(value)}`)
  try {
    return new Uint8Array(value)
  } catch (cause) {
    throw new TypeError(`${what} is a Uint8Array whose buffer was detached or cut off`, { cause })
  }
}

/** Whether it is an array of bytes whose class and own properties change nothing of what it is. */
function isPlain(value: unknown): value is Uint8Array {
  if (typeof value !== 'object' || value === null || !ArrayBuffer.isView(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    (prototype === Uint8Array.prototype || prototype === bufferPrototype) &&
    !Object.hasOwn(value, 'byteLength')
  )
}

const bufferPrototype: unknown = typeof Buffer === 'undefined' ? undefined : Buffer.prototype

export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return `a ${className(value)}`
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`
}

/** NOTE: of the prototype, which is program text; what the object itself has may be data that must not get into a message. */
function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null
  const constructor = prototype?.constructor
  return typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'object'
}

class BytesCodec implements Codec {
  readonly isFinal: boolean = true
  readonly #pool: ResultPool

  constructor(pool: ResultPool) {
    this.#pool = pool
  }

  encode(value: unknown, what: string): Content {
    return contentOf(value, what)
  }

  copyOut(pointer: number, length: number): Uint8Array {
    return this.#pool.bytes(pointer, length)
  }

  copyFrom(bytes: Uint8Array): Uint8Array {
    return bytes
  }

  copied(memory: ArrayBuffer, at: number, length: number): Uint8Array {
    return new Uint8Array(memory, at, length)
  }

  decode(copy: unknown): unknown {
    return copy
  }
}

class BufferCodec implements Codec {
  readonly isFinal = true
  readonly #pool: ResultPool

  constructor(pool: ResultPool) {
    this.#pool = pool
  }

  encode(value: unknown, what: string): Content {
    return contentOf(value, what)
  }

  copyOut(pointer: number, length: number): Buffer {
    return this.#pool.buffer(pointer, length)
  }

  copyFrom(bytes: Uint8Array): Buffer {
    return bufferOver(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  copied(memory: ArrayBuffer, at: number, length: number): Buffer {
    return bufferOver(memory, at, length)
  }

  decode(copy: unknown): unknown {
    return copy
  }
}

class Utf8Codec implements Codec {
  readonly isFinal: boolean = true
  readonly #kernel: Kernel
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  encode(value: unknown, what: string): Content {
    return contentOf(value, what)
  }

  copyOut(pointer: number, length: number): string {
    return this.#kernel.text.read(pointer, length)
  }

  copyFrom(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes)
  }

  decode(copy: unknown): unknown {
    return copy
  }
}

class JsonCodec extends Utf8Codec {
  override readonly isFinal = false

  override encode(value: unknown, what: string): Content {
    return jsonText(value, what)
  }

  override decode(copy: unknown): unknown {
    return jsonValue(copy as string)
  }
}

/** @throws TypeError without the engine's own words, which name properties of the value */
export function jsonText(value: unknown, what: string): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new TypeError(`${what} cannot be JSON: it has a cycle, a BigInt or a toJSON that fails`)
  }
  if (text === undefined) throw new TypeError(`${what} is ${describe(value)}, which JSON cannot express`)
  return text
}

/** @throws SyntaxError */
export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // NOTE: without its cause, which quotes the value.
    throw new SyntaxError("a stored value is not JSON; read it with the valueEncoding 'bytes' or 'utf8'")
  }
}

class CustomCodec extends BytesCodec {
  override readonly isFinal = false
  readonly #encoding: Encoding<unknown>

  constructor(encoding: Encoding<unknown>, pool: ResultPool) {
    super(pool)
    this.#encoding = encoding
  }

  override encode(value: unknown, what: string): Content {
    return customBytes(this.#encoding, value, what)
  }

  override decode(copy: unknown): unknown {
    return this.#encoding.decode(copy as Uint8Array)
  }
}

/** A copy of what an encoding of the user's makes of a value. @throws TypeError */
export function customBytes(encoding: Encoding<unknown>, value: unknown, what: string): Uint8Array {
  const bytes = encoding.encode(value)
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(`the encoding of ${what} returned ${describe(bytes)} instead of a Uint8Array`)
  }
  // NOTE: an encoder may use one buffer for all it encodes, keys and values of one call included.
  return new Uint8Array(bytes)
}

/** An encoding option, read once: what a getter or a Proxy says the next time does not count. */
export function settledEncoding(encoding: unknown): unknown {
  if (typeof encoding !== 'object' || encoding === null) return encoding
  const { encode, decode } = encoding as Partial<Encoding<unknown>>
  // NOTE: refused by encodingName, as what it is.
  if (typeof encode !== 'function' || typeof decode !== 'function') return {}
  const settled: Encoding<unknown> = {
    encode: (value) => encode.call(encoding, value),
    decode: (bytes) => decode.call(encoding, bytes),
  }
  return settled
}

/** What is persisted of an encoding option; undefined for the raw views `bytes` and `buffer`, which fix nothing. @throws TypeError */
export function encodingName(encoding: unknown, option: string): string | undefined {
  switch (encoding) {
    case undefined:
    case 'bytes':
      return undefined
    case 'buffer':
      if (typeof Buffer === 'undefined')
        throw new TypeError(`${option} 'buffer' exists in Node only; use 'bytes'`)
      return undefined
    case 'utf8':
      return 'utf8'
    case 'json':
      if (option === 'keyEncoding') {
        throw new TypeError("keyEncoding cannot be 'json', because JSON text has no useful order")
      }
      return 'json'
  }
  if (isEncoding(encoding)) return 'custom'
  const json = option === 'keyEncoding' ? '' : " 'json',"
  throw new TypeError(
    `${option} must be 'bytes', 'buffer', 'utf8',${json} or an object with encode and decode`,
  )
}

/** The codecs for a pair of options that `encodingName` accepted. */
export function makeCodecs(
  keyEncoding: unknown,
  valueEncoding: unknown,
  kernel: Kernel,
  pool: ResultPool,
): { keys: Codec; values: Codec } {
  return { keys: codecFor(keyEncoding, kernel, pool), values: codecFor(valueEncoding, kernel, pool) }
}

function codecFor(encoding: unknown, kernel: Kernel, pool: ResultPool): Codec {
  if (encoding === 'buffer') return new BufferCodec(pool)
  if (encoding === 'utf8') return new Utf8Codec(kernel)
  if (encoding === 'json') return new JsonCodec(kernel)
  return isEncoding(encoding) ? new CustomCodec(encoding, pool) : new BytesCodec(pool)
}

export function isEncoding(value: unknown): value is Encoding<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const candidate = value as Partial<Encoding<unknown>>
  return typeof candidate.encode === 'function' && typeof candidate.decode === 'function'
}

/**
 * Checks an encoding option against what was persisted when the keyspace was created. `bytes` and `buffer`, asked for by name, are raw
 * views of any keyspace; a keyspace that fixed nothing takes any. @throws TypeError on a mismatch
 */
export function reconcileEncoding(option: string, requested: unknown, persisted: string | undefined): void {
  const name = encodingName(requested, option)
  if (persisted === undefined || persisted === name || requested === 'bytes' || requested === 'buffer') return
  const given = requested === undefined ? 'not given' : `'${name}'`
  throw new TypeError(
    `${option} is ${given}, but the keyspace was created with '${persisted}'; pass that, or 'bytes' for a raw view`,
  )
}
