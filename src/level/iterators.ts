import {
  AbstractIterator,
  AbstractKeyIterator,
  AbstractValueIterator,
  type AbstractIteratorOptions,
  type AbstractKeyIteratorOptions,
  type AbstractValueIteratorOptions,
} from 'abstract-level'
import type { EntryReader } from './entry-reader.ts'
import type { Data } from './formats.ts'
import type { VarveLevel } from './varve-level.ts'

type Entry = [Data | undefined, Data | undefined]
type Level<K, V> = VarveLevel<K, V>

// NOTE: abstract-level has a class for each kind of item, without a common one that could be extended.

/** @internal */
export class LevelIterator<K, V> extends AbstractIterator<Level<K, V>, K, V> {
  readonly #reader: EntryReader<Entry>

  constructor(level: Level<K, V>, options: AbstractIteratorOptions<K, V>, reader: EntryReader<Entry>) {
    super(level, options)
    this.#reader = reader
  }

  _next(): Entry | undefined | Promise<Entry | undefined> {
    return this.#reader.next()
  }

  _nextv(size: number): Promise<Entry[]> {
    return this.#reader.nextMany(size)
  }

  _all(): Promise<Entry[]> {
    return this.#reader.nextMany(this.limit - this.count)
  }

  _seek(target: Data): void {
    this.#reader.seek(target)
  }

  async _close(): Promise<void> {
    this.#reader.close()
  }
}

/** @internal */
export class LevelKeyIterator<K, V> extends AbstractKeyIterator<Level<K, V>, K> {
  readonly #reader: EntryReader<Data>

  constructor(level: Level<K, V>, options: AbstractKeyIteratorOptions<K>, reader: EntryReader<Data>) {
    super(level, options)
    this.#reader = reader
  }

  _next(): Data | undefined | Promise<Data | undefined> {
    return this.#reader.next()
  }

  _nextv(size: number): Promise<Data[]> {
    return this.#reader.nextMany(size)
  }

  _all(): Promise<Data[]> {
    return this.#reader.nextMany(this.limit - this.count)
  }

  _seek(target: Data): void {
    this.#reader.seek(target)
  }

  async _close(): Promise<void> {
    this.#reader.close()
  }
}

/** @internal */
export class LevelValueIterator<K, V> extends AbstractValueIterator<Level<K, V>, K, V> {
  readonly #reader: EntryReader<Data>

  constructor(level: Level<K, V>, options: AbstractValueIteratorOptions<K, V>, reader: EntryReader<Data>) {
    super(level, options)
    this.#reader = reader
  }

  _next(): Data | undefined | Promise<Data | undefined> {
    return this.#reader.next()
  }

  _nextv(size: number): Promise<Data[]> {
    return this.#reader.nextMany(size)
  }

  _all(): Promise<Data[]> {
    return this.#reader.nextMany(this.limit - this.count)
  }

  _seek(target: Data): void {
    this.#reader.seek(target)
  }

  async _close(): Promise<void> {
    this.#reader.close()
  }
}
