import { readAsyncAt } from '../engine/async-read.ts'
import type { Content } from '../engine/record.ts'
import { copyValue } from './reads.ts'
import type { View } from './view.ts'

/** A key for as long as a read waits: the caller may use his bytes for something else. */
function ownKey(key: Content): Content {
  return typeof key === 'string' ? key : new Uint8Array(key)
}

/**
 * What `read` says of a key at a seqno (0: latest): at once if all that it needs is in memory, else when it has been read. INVARIANT: `read` runs no code of the user's.
 */
export function readKeyAsync<T>(
  view: View,
  key: Content,
  seqno: number,
  read: (view: View, key: Content, seqno: number) => T,
): T | Promise<T> {
  return readAsyncAt(view.engine, seqno, read, view, key, ownKey)
}

/** The value of a key, decoded; undefined if it is not there. */
export function readValueAsync(view: View, key: Content, seqno: number): unknown {
  const copy = readKeyAsync(view, key, seqno, copyValue)
  return copy instanceof Promise ? copy.then((late) => decoded(view, late)) : decoded(view, copy)
}

/** The values of several keys at one moment. All blocks that are missing are asked for at once. */
export function readValuesAsync(
  view: View,
  keys: readonly Content[],
  seqno: number,
): unknown[] | Promise<unknown[]> {
  // NOTE: a read that waits keeps S by itself from within readingAt on.
  const copies = view.engine.readingAt(seqno, (s) => keys.map((key) => readKeyAsync(view, key, s, copyValue)))
  if (!copies.some((copy) => copy instanceof Promise)) return decodeAll(view, copies)
  return Promise.all(copies).then((all) => decodeAll(view, all))
}

/** Decodes in place. NOTE: what the user's decoder does is done when all are read. */
function decodeAll(view: View, copies: unknown[]): unknown[] {
  for (let i = 0; i < copies.length; i++) copies[i] = decoded(view, copies[i])
  return copies
}

function decoded(view: View, copy: unknown): unknown {
  return copy === undefined ? undefined : view.values.decode(copy)
}
