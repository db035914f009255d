/** The golden database: bytes that a version wrote (build.ts), and what is in them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { type Contents, compareBytes } from '../../model.ts'
import { root } from '../root.ts'
import { type Commit, type Written, applyCommit, keyText } from './author.ts'
import type { Files } from './build.ts'

export type ImageName = 'young' | 'replayed' | 'killed' | 'closed'

export interface Golden {
  readonly images: Readonly<Record<ImageName, Files>>
  /** What `killed` holds when so many commits of its last journal are there; the last one is what `closed` holds. */
  readonly states: readonly Contents[]
  /** Of each keyspace: every key that was ever written, and some that never were. */
  readonly keys: ReadonlyMap<string, readonly Uint8Array[]>
}

/** Formats of which there are bytes, the latest last. */
export const formats: readonly string[] = ['format-1']

/** Where the bytes are. */
export const goldenFolder: string = join(root, 'test/torture/golden')

interface Index {
  readonly images: Record<ImageName, Record<string, string>>
  readonly before: [string, [string, string][]][]
  readonly tail: [string, string, string | null][][]
}

export function loadGolden(format: string = formats.at(-1) ?? ''): Golden {
  const folder = join(goldenFolder, format)
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index
  const filesOf = (image: ImageName): Files =>
    new Map(
      Object.entries(index.images[image]).map(([name, place]) => [name, readBytes(join(folder, place))]),
    )
  const written: Written = new Map(
    index.before.map(([keyspace, entries]) => [
      keyspace,
      new Map(entries.map(([key, value]) => [keyText(fromBase64(key)), fromStored(value)])),
    ]),
  )
  const states = [stateOf(written)]
  for (const entries of index.tail) {
    const commit: Commit = entries.map(([keyspace, key, value]) => [
      keyspace,
      fromBase64(key),
      value === null ? undefined : fromStored(value),
    ])
    applyCommit(written, commit)
    states.push(stateOf(written))
  }
  const names = [...written.keys()]
  const images = {
    young: filesOf('young'),
    replayed: filesOf('replayed'),
    killed: filesOf('killed'),
    closed: filesOf('closed'),
  }
  return { images, states, keys: new Map(names.map((name) => [name, keysOf(name, states)])) }
}

/** NOTE: Node's own small buffers share memory, which a disk must not. */
function readBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path))
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

function fromStored(text: string): Uint8Array {
  return new Uint8Array(inflateSync(Buffer.from(text, 'base64')))
}

function stateOf(written: Written): Contents {
  return new Map(
    [...written].map(([keyspace, entries]) => [
      keyspace,
      [...entries]
        .map(([key, value]) => [new Uint8Array(Buffer.from(key, 'latin1')), value] as const)
        .sort(([a], [b]) => compareBytes(a, b)),
    ]),
  )
}

function keysOf(keyspace: string, states: readonly Contents[]): Uint8Array[] {
  const keys = new Map<string, Uint8Array>()
  for (const state of states) for (const [key] of state.get(keyspace) ?? []) keys.set(keyText(key), key)
  // The keys that build.ts deletes, and others that are not there.
  for (const text of ['key 001', 'key 002', 'key 013', 'key 030', 'key 043', 'key', 'key 0155', 'zzz']) {
    if (!keys.has(text)) keys.set(text, new Uint8Array(Buffer.from(text, 'latin1')))
  }
  return [...keys.values()]
}
