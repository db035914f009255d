/** What a program may hand in by mistake, or to do harm. */

/** NOTE: newer than the library that the project's types are of. */
function resizable<T>(type: new (length: number) => T, length: number): T {
  return Reflect.construct(type, [length, { maxByteLength: 1 << 20 }]) as T
}

/** Not to be taken for a key or a value. */
export const REFUSED: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  'a number': () => 1,
  NaN: () => NaN,
  'a negative number': () => -1,
  'a BigInt': () => 5n,
  'a symbol': () => Symbol('k'),
  'a function': () => () => 'k',
  'an object': () => ({}),
  'an array of numbers': () => [1, 2],
  'an object like bytes': () => ({ 0: 1, length: 1, byteLength: 1 }),
  'an ArrayBuffer': () => new ArrayBuffer(4),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(4),
  'a DataView': () => new DataView(new ArrayBuffer(4)),
  'an Int8Array': () => new Int8Array(4),
  'a Uint16Array': () => new Uint16Array(4),
  'a Uint8ClampedArray': () => new Uint8ClampedArray(4),
  'a String object': () => new String('k'),
  'a Date': () => new Date(0),
  'a promise': () => Promise.resolve('k'),
  'a Proxy of bytes': () => new Proxy(Uint8Array.of(1, 2), {}),
  'a Proxy that lies': () =>
    new Proxy(Uint8Array.of(1, 2), { get: (_, name) => (/ength$/.test(String(name)) ? 4 : 255) }),
  'what inherits from Uint8Array.prototype': () => Object.create(Uint8Array.prototype) as unknown,
  'bytes of a detached buffer': () => {
    const bytes = Uint8Array.of(1, 2, 3)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    return bytes
  },
  'a subarray of a detached buffer': () => {
    const bytes = new Uint8Array(100).subarray(10, 90)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    return bytes
  },
  'bytes beyond the end of a buffer that shrank': () => {
    const buffer = resizable(ArrayBuffer, 100)
    const bytes = new Uint8Array(buffer, 50, 20)
    ;(buffer as unknown as { resize(length: number): void }).resize(10)
    return bytes
  },
}

class Lying extends Uint8Array {
  readonly #answers: readonly number[]
  #asked = 0

  constructor(source: Uint8Array, answers: readonly number[]) {
    super(source)
    this.#answers = answers
  }

  override get byteLength(): number {
    return this.#answers[this.#asked++ % this.#answers.length] ?? 0
  }

  override get length(): number {
    return this.byteLength
  }
}

/** Bytes in some disguise: they count for what they are, whatever they say. */
export const DISGUISED: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array>> = {
  'a Buffer': (bytes) => Buffer.from(bytes),
  'on shared memory': (bytes) => {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength + 2), 1, bytes.byteLength)
    shared.set(bytes)
    return shared
  },
  'on shared memory that can grow': (bytes) => {
    const shared = new Uint8Array(resizable(SharedArrayBuffer, bytes.byteLength))
    shared.set(bytes)
    return shared
  },
  'on a resizable buffer, following its length': (bytes) => {
    const buffer = resizable(ArrayBuffer, bytes.byteLength)
    const copy = new Uint8Array(buffer)
    copy.set(bytes)
    return copy
  },
  'in a larger buffer': (bytes) => {
    const larger = new Uint8Array(bytes.byteLength + 300_000).fill(0xee)
    larger.set(bytes, 7)
    return larger.subarray(7, 7 + bytes.byteLength)
  },
  'that say they are shorter': (bytes) => new Lying(bytes, [1]),
  'that say they are longer': (bytes) => new Lying(bytes, [bytes.byteLength + 1000]),
  'that say they are shorter at first': (bytes) => new Lying(bytes, [2, 2, bytes.byteLength]),
  'whose own property lies': (bytes) => Object.defineProperty(bytes.slice(), 'byteLength', { value: 70 }),
  'whose own length lies': (bytes) => Object.defineProperty(bytes.slice(), 'length', { value: 3 }),
  'whose constructor is another': (bytes) =>
    Object.defineProperty(bytes.slice(), 'constructor', { value: undefined }),
}
