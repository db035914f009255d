import { TYPE_TOMBSTONE, TYPE_VALUE } from '../../assembly/memory/layout.ts'
import type { Engine } from '../engine/engine.ts'
import type { Content, RecordBuffer } from '../engine/record.ts'
import { Keyspace } from './keyspace.ts'
import { writeDurability } from './options.ts'
import type { View } from './view.ts'
import type { Accepted, KeyEncoding, ValueEncoding, WriteOptions } from './types.ts'

const NOTHING: Content = new Uint8Array(0)

/** A keyspace of any encoding, as an argument. */
export type AnyKeyspace = Keyspace<KeyEncoding, ValueEncoding>

/**
 * Writes that are committed together: all of them or none, also after a crash. It lives in JavaScript memory until `commit`, is
 * used once, and keeps the order of several operations on one key.
 *
 * @example
 * await db.batch().put('a', '1').put(users, 'x', user).delete('b').commit({ durability: 'sync' })
 */
export class Batch<KE extends KeyEncoding, VE extends ValueEncoding> {
  readonly #engine: Engine
  readonly #view: View
  #record: RecordBuffer | undefined

  /** @internal */
  constructor(view: View) {
    this.#view = view
    this.#engine = view.engine
    this.#record = view.engine.writes.record()
  }

  /** Number of operations. */
  get length(): number {
    return this.#record?.count ?? 0
  }

  /** Bytes it holds: keys, values and their headers. */
  get sizeBytes(): number {
    return this.#record?.payloadBytes ?? 0
  }

  /** Sets a key of the database itself, or of the keyspace given first. @throws TypeError, RangeError; the batch stays as it was */
  put(key: Accepted<KE>, value: Accepted<VE>): this
  put<K extends KeyEncoding, V extends ValueEncoding>(
    keyspace: Keyspace<K, V>,
    key: Accepted<K>,
    value: Accepted<V>,
  ): this
  put(first: unknown, second: unknown, third?: unknown): this {
    if (first instanceof Keyspace) return this.add(viewOf(first, this.#engine), second, third)
    return this.add(this.#view, first, second)
  }

  /** Removes a key. See `put`. */
  delete(key: Accepted<KE>): this
  delete<K extends KeyEncoding, V extends ValueEncoding>(keyspace: Keyspace<K, V>, key: Accepted<K>): this
  delete(first: unknown, second?: unknown): this {
    if (first instanceof Keyspace) return this.remove(viewOf(first, this.#engine), second)
    return this.remove(this.#view, first)
  }

  /** Forgets all operations. */
  clear(): this {
    this.#unused().clear()
    return this
  }

  /** Commits the operations; the batch cannot be used afterwards, whatever comes of it. */
  commit(options?: WriteOptions): Promise<void> {
    const durability = writeDurability(options, this.#engine.options.durability)
    return this.#engine.writes.commit(this.#take(), durability)
  }

  commitSync(options?: WriteOptions): void {
    const durability = writeDurability(options, this.#engine.options.durability)
    this.#engine.writes.commitSync(this.#take(), durability)
  }

  /** @internal */
  add(view: View, key: unknown, value: unknown): this {
    const record = this.#unused()
    this.#engine.assertReadable(view.tree)
    const keyContent = view.keys.encode(key, 'key')
    const valueContent = view.values.encode(value, 'value')
    record.add(TYPE_VALUE, view.tree.id, keyContent, valueContent, this.#engine.valueLimitBytes)
    return this
  }

  /** @internal */
  remove(view: View, key: unknown): this {
    const record = this.#unused()
    this.#engine.assertReadable(view.tree)
    record.add(TYPE_TOMBSTONE, view.tree.id, view.keys.encode(key, 'key'), NOTHING, 0)
    return this
  }

  #take(): RecordBuffer {
    const record = this.#unused()
    this.#record = undefined
    return record
  }

  #unused(): RecordBuffer {
    if (this.#record === undefined)
      throw new TypeError('the batch was committed already; start a new one with batch()')
    return this.#record
  }
}

/** The view behind a keyspace given as an argument. @throws TypeError if it is another database's */
export function viewOf(keyspace: unknown, engine: Engine): View {
  const view = Keyspace.viewOf(keyspace as AnyKeyspace)
  if (view.engine !== engine) throw new TypeError('the keyspace belongs to another database')
  return view
}
