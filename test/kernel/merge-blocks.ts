/** A block encoder for the merge tests, written from docs/table-format.md alone. */
import { PAGE_BYTES } from '../../assembly/memory/layout.ts'

export interface Entry {
  key: Uint8Array
  seqno: number
  /** TYPE_EXTENT: the value lies apart. */
  type: number
  value: Uint8Array
}

export interface Block {
  payload: Uint8Array
  entries: Entry[]
}

export const compareKeys = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)
export const compareEntries = (a: Entry, b: Entry): number => compareKeys(a.key, b.key) || b.seqno - a.seqno

export function varint(value: number): number[] {
  const bytes = []
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return [...bytes, value]
}

/** Payload of a data block, or with `base` 0 of an index block; `entries` in order. */
export function encodeBlock(
  entries: Entry[],
  interval: number,
  base: number = Math.min(...entries.map((entry) => entry.seqno)),
): Uint8Array {
  const parts: Uint8Array[] = []
  const restarts: number[] = []
  let offset = 0
  let head = new Uint8Array()
  entries.forEach(({ key, seqno, type, value }, i) => {
    let shared = 0
    if (i % interval === 0) {
      restarts.push(offset)
      head = new Uint8Array(key)
    } else {
      while (shared < Math.min(head.length, key.length) && head[shared] === key[shared]) shared++
    }
    const header = [type, ...varint(shared), ...varint(key.length - shared), ...varint(value.length)]
    for (const part of [[...header, ...varint(seqno - base)], key.subarray(shared), value]) {
      parts.push(Uint8Array.from(part))
      offset += part.length
    }
  })
  const wide = offset > 65535
  const tail = new DataView(new ArrayBuffer(restarts.length * (wide ? 4 : 2) + 32))
  restarts.forEach((at, i) => (wide ? tail.setUint32(4 * i, at, true) : tail.setUint16(2 * i, at, true)))
  const trailer = tail.byteLength - 32
  tail.setBigUint64(trailer, BigInt(base), true)
  tail.setUint32(trailer + 8, entries.length, true)
  tail.setUint32(trailer + 12, restarts.length, true)
  tail.setUint32(trailer + 16, offset, true)
  tail.setUint8(trailer + 28, interval)
  tail.setUint8(trailer + 29, wide ? 1 : 0)
  return new Uint8Array(Buffer.concat([...parts, new Uint8Array(tail.buffer)]))
}

/** A longer key is alone in its block, so that index blocks fit theirs. */
export const LONG_KEY_BYTES = 2000

/** Cuts sorted entries into blocks of at most `count` entries that fit a page. */
export function encodeTable(entries: Entry[], count: number, interval: number): Block[] {
  const blocks: Block[] = []
  for (let from = 0; from < entries.length;) {
    let bytes = 0
    let to = from
    while (to < entries.length && to - from < count) {
      const { key, value } = entries[to] as Entry
      bytes += key.length + value.length + 32
      if (to > from && bytes > PAGE_BYTES - 512) break
      const first = entries[from] as Entry
      const isLong = Math.max(key.length, first.key.length) > LONG_KEY_BYTES
      if (isLong && compareKeys(key, first.key) !== 0) break
      to++
    }
    const part = entries.slice(from, to)
    blocks.push({ payload: encodeBlock(part, interval), entries: part })
    from = to
  }
  return blocks
}

/** The value part of a TYPE_EXTENT entry in a table: an extent list (of extents that do not exist). */
export function extentList(length: number): Uint8Array {
  const count = Math.ceil(length / 131008)
  const sizes = Array.from({ length: count }, (_, i) =>
    varint(24 + Math.min(131008, length - i * 131008)),
  ).flat()
  return Uint8Array.from([...varint(length), ...varint(4096), ...varint(count), ...sizes])
}
