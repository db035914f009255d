import { INPUT_SECOND, KEY_MAX_BYTES } from '../../assembly/memory/layout.ts'
import type { Engine } from '../engine/engine.ts'
import { contentBound, copyContent, keyTooLong, type Content } from '../engine/record.ts'
import { Slice } from './slice.ts'
import type { View } from './view.ts'

/** Puts a key at the start of the thread's input page. @returns its length. @throws RangeError */
function inputKey(engine: Engine, key: Content): number {
  const { u8, text, input } = engine.kernel
  // NOTE: a string whose upper bound does not fit the page is encoded aside; it is too long in most cases anyway.
  if (contentBound(key) > INPUT_SECOND) {
    const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key
    if (bytes.byteLength > KEY_MAX_BYTES) throw keyTooLong(bytes.byteLength)
    u8.set(bytes, input)
    return bytes.byteLength
  }
  if (typeof key === 'string') {
    const length = text.write(key, input)
    if (length > KEY_MAX_BYTES) throw keyTooLong(length)
    return length
  }
  if (key.byteLength > KEY_MAX_BYTES) throw keyTooLong(key.byteLength)
  return copyContent(u8, key, input)
}

/** The value of a key at a seqno (0: latest), decoded; undefined if it is not there. */
export function readValue(view: View, key: Content, seqno: number): unknown {
  const copy = copyValue(view, key, seqno)
  return copy === undefined ? undefined : view.values.decode(copy)
}

/** The same, not decoded yet. */
export function copyValue(view: View, key: Content, seqno: number): unknown {
  const { engine, tree, values } = view
  engine.assertReadable(tree)
  const length = inputKey(engine, key)
  const { points } = engine
  if (!points.find(tree, engine.kernel.input, length, seqno, false)) return undefined
  const { large } = points
  const copy = large === undefined ? values.copyOut(points.pointer, points.length) : values.copyFrom(large)
  engine.thread.endRead()
  return copy
}

/** The same in place. */
export function readSlice(view: View, key: Content, seqno: number): Slice | undefined {
  const { engine, tree } = view
  engine.assertReadable(tree)
  const length = inputKey(engine, key)
  const { points } = engine
  if (!points.find(tree, engine.kernel.input, length, seqno, false)) return undefined
  const slice = new Slice(engine, engine.lease)
  slice.show(points.pointer, points.length, points.large)
  engine.lend()
  return slice
}

export function hasKey(view: View, key: Content, seqno: number): boolean {
  const { engine, tree } = view
  engine.assertReadable(tree)
  const length = inputKey(engine, key)
  const isThere = engine.points.find(tree, engine.kernel.input, length, seqno, true)
  engine.thread.endRead()
  return isThere
}

/** Length in bytes of the value of a key at a seqno; undefined if it is not there. */
export function valueLength(view: View, key: Content, seqno: number): number | undefined {
  const { engine, tree } = view
  engine.assertReadable(tree)
  const length = inputKey(engine, key)
  return engine.points.findLength(tree, engine.kernel.input, length, seqno)
}
