import {
  CHUNK_ENTRY_HEADER_BYTES,
  CHUNK_KEY_LENGTH,
  CHUNK_TYPE,
  CHUNK_VALUE_LENGTH,
} from '../../../assembly/memory/layout.ts'
import type { KernelWorld } from './kernel-world.ts'
import { expectThat } from './violation.ts'

/** An entry as it was found in memory. */
export interface FoundEntry {
  readonly key: string
  readonly seqno: number
  readonly type: number
  readonly value: string
}

/** Reads a skiplist's node as docs and skiplist.ts draw it; keys and values are ASCII. */
export function readNode({ u8, u32, view }: KernelWorld, node: number): FoundEntry {
  const keyLength = u32[node >>> 2] as number
  const tail = node + ((7 + keyLength) & ~3)
  const trailer = view.getBigUint64(tail, true)
  const value = view.getUint32(tail + 8, true)
  const valueLength = view.getUint32(tail + 12, true)
  return {
    key: text(u8, node + 4, keyLength),
    seqno: Number(trailer >> 8n),
    type: Number(trailer & 255n),
    value: text(u8, value, Math.min(valueLength, 64)),
  }
}

/** Key and value of each entry of a chunk. */
export function readChunk(
  { u8, view }: KernelWorld,
  chunk: number,
  count: number,
): { key: string; value: string; type: number }[] {
  const entries = []
  let at = chunk
  for (let i = 0; i < count; i++) {
    const keyLength = view.getUint16(at + CHUNK_KEY_LENGTH, true)
    const valueLength = view.getUint32(at + CHUNK_VALUE_LENGTH, true)
    const key = at + CHUNK_ENTRY_HEADER_BYTES
    entries.push({
      key: text(u8, key, keyLength),
      value: text(u8, key + keyLength, Math.min(valueLength, 64)),
      type: u8[at + CHUNK_TYPE] as number,
    })
    at = (key + keyLength + valueLength + 3) & ~3
  }
  return entries
}

export function text(u8: Uint8Array, from: number, length: number): string {
  let result = ''
  for (let i = 0; i < length; i++) result += String.fromCharCode(u8[from + i] as number)
  return result
}

/** In a memtable: the word of the list's height, and the head, whose links lie below it (skiplist.ts). */
const LIST_HEIGHT = 12
const LIST_HEAD = 208

/**
 * The nodes of each level of a memtable's list, in order, lowest level first.
 * @throws Violation if a level is not sorted or not part of the one below
 */
export function listLevels(world: KernelWorld, memtable: number): number[][] {
  const levels: number[][] = []
  const height = world.word(memtable + LIST_HEIGHT)
  expectThat(height >= 1 && height <= 12, () => `the list has ${height} levels`)
  for (let level = 0; level < height; level++) {
    const nodes: number[] = []
    const below = levels.at(-1)
    let last: FoundEntry | undefined
    const link = (node: number): number => world.word(node - 4 - 4 * level)
    for (let node = link(memtable + LIST_HEAD); node !== 0; node = link(node)) {
      const at = node
      const entry = readNode(world, at)
      const before = last
      expectThat(
        before === undefined || isBefore(before, entry),
        () => `${entry.key} stands behind ${before?.key} on level ${level}`,
      )
      expectThat(
        below === undefined || below.includes(at),
        () => `${entry.key} is on level ${level} and not on the one below`,
      )
      nodes.push(at)
      last = entry
    }
    levels.push(nodes)
  }
  return levels
}

/** Order of internal keys: of one user key the newest version is first. */
export function isBefore(a: FoundEntry, b: FoundEntry): boolean {
  return a.key < b.key || (a.key === b.key && a.seqno > b.seqno)
}
