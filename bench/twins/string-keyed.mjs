import { writeSync } from 'node:fs'
import { randomSource } from '../data.mjs'

/** NOTE: the locks look at a control block in front of them, which is all zeros here. */
const LOCK = 8192
const CURSOR = 8256
const HEAD = 8320
const HEIGHT = 12
/** Node: u32 height | u32 bytes of the key | u32 bytes of the value | u32 link per level | key | value */
const NODE_KEY_LENGTH = 4
const NODE_VALUE_LENGTH = 8
const NODE_LINKS = 12
const FIRST_NODE = HEAD + NODE_LINKS + 4 * HEIGHT
const JOURNAL_HEADER_BYTES = 12
const SCRATCH_BYTES = 65_536

/**
 * The twin: what varve would be with JavaScript strings for keys and one exclusive lock. The same parts in the same order: a journal frame with one
 * write(2), then an insert into a skiplist of the same shape in shared memory; but the key is a string, which every comparison encodes for itself, and
 * readers take the lock that writers take. In its favour: it has no seqnos, checksums or memory accounts, and never rotates.
 */
export class StringKeyedTable {
  #mutex
  #bytes
  #words
  #journal
  #journalLength = 0
  #random = randomSource(1)
  #frame = Buffer.alloc(SCRATCH_BYTES)
  #scratch = Buffer.alloc(SCRATCH_BYTES)
  #splice = new Int32Array(HEIGHT)

  /** `memory`: a SharedArrayBuffer of zeros; `locks`: LockThread and Mutex; `slot`: the number of the thread; `journal`: a descriptor. */
  constructor(memory, locks, slot, journal) {
    this.#bytes = Buffer.from(memory)
    this.#words = new Int32Array(memory)
    this.#mutex = new locks.Mutex(new locks.LockThread(this.#words, slot), LOCK, 'journal')
    this.#journal = journal
    Atomics.compareExchange(this.#words, CURSOR >>> 2, 0, FIRST_NODE)
  }

  put(key, value) {
    this.#mutex.acquire()
    try {
      this.#append(key, value)
      this.#insert(key, value)
    } finally {
      this.#mutex.release()
    }
  }

  /** A copy of the value, or undefined. */
  get(key) {
    this.#mutex.acquire()
    try {
      const node = this.#seek(key)
      if (node === 0 || this.#compare(node, key) !== 0) return undefined
      const at = this.#keyAt(node) + this.#words[(node + NODE_KEY_LENGTH) >>> 2]
      const end = at + this.#words[(node + NODE_VALUE_LENGTH) >>> 2]
      return Uint8Array.prototype.slice.call(this.#bytes, at, end)
    } finally {
      this.#mutex.release()
    }
  }

  #append(key, value) {
    const frame = this.#frame
    const keyLength = encode(key, frame, JOURNAL_HEADER_BYTES)
    frame.writeUInt32LE(keyLength, 0)
    frame.writeUInt32LE(value.byteLength, 4)
    frame.set(value, JOURNAL_HEADER_BYTES + keyLength)
    const length = JOURNAL_HEADER_BYTES + keyLength + value.byteLength
    writeSync(this.#journal, frame, 0, length, this.#journalLength)
    this.#journalLength += length
  }

  /** NOTE: an entry that is written again goes in front of the older one, which nobody finds any more. */
  #insert(key, value) {
    const words = this.#words
    const splice = this.#splice
    this.#seek(key, splice)
    const height = this.#nextHeight()
    const node = words[CURSOR >>> 2]
    const keyAt = node + NODE_LINKS + 4 * height
    const keyLength = encode(key, this.#bytes, keyAt)
    words[CURSOR >>> 2] = (keyAt + keyLength + value.byteLength + 3) & ~3
    words[node >>> 2] = height
    words[(node + NODE_KEY_LENGTH) >>> 2] = keyLength
    words[(node + NODE_VALUE_LENGTH) >>> 2] = value.byteLength
    this.#bytes.set(value, keyAt + keyLength)
    for (let level = 0; level < height; level++) {
      words[linkOf(node, level)] = words[linkOf(splice[level], level)]
      words[linkOf(splice[level], level)] = node
    }
  }

  /** First node whose key is not smaller; 0 at the end. `splice` gets the last smaller one of each level. */
  #seek(key, splice) {
    const words = this.#words
    let node = HEAD
    let bigger = 0
    for (let level = HEIGHT - 1; level >= 0; level--) {
      for (;;) {
        const next = words[linkOf(node, level)]
        if (next === bigger) break
        if (this.#compare(next, key) >= 0) {
          bigger = next
          break
        }
        node = next
      }
      if (splice !== undefined) splice[level] = node
    }
    return bigger
  }

  /** Order of a node's key and a string, which is encoded for it. */
  #compare(node, key) {
    const bytes = this.#bytes
    const scratch = this.#scratch
    const length = encode(key, scratch, 0)
    const at = this.#keyAt(node)
    const nodeLength = this.#words[(node + NODE_KEY_LENGTH) >>> 2]
    const common = Math.min(length, nodeLength)
    for (let i = 0; i < common; i++) {
      const order = bytes[at + i] - scratch[i]
      if (order !== 0) return order
    }
    return nodeLength - length
  }

  #keyAt(node) {
    return node + NODE_LINKS + 4 * this.#words[node >>> 2]
  }

  /** Each level is four times rarer than the one below. */
  #nextHeight() {
    let height = 1
    while (height < HEIGHT && this.#random() < 0.25) height++
    return height
  }
}

function linkOf(node, level) {
  return (node + NODE_LINKS + 4 * level) >>> 2
}

/** UTF-8 of a string; short ones by a loop, which is cheaper than the call into C++: varve does the same. @returns bytes written */
function encode(text, target, at) {
  const { length } = text
  if (length <= 32) {
    let i = 0
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) break
      target[at + i] = code
    }
    if (i === length) return length
  }
  return target.write(text, at, 'utf8')
}
