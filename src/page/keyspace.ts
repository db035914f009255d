import { attempt } from '../api/keyspace-reads.ts'
import { ownOptions, progressListener, writeDurability } from '../api/options.ts'
import { BOUND_OPTIONS, signalOf } from '../api/range.ts'
import { valueTooLong } from '../engine/record.ts'
import {
  WRITE_DELETE,
  WRITE_DELETE_WEAK,
  WRITE_PUT,
  type Content,
  type WireBounds,
} from '../remote/messages.ts'
import { lengthBytes } from './codec.ts'
import type { CallOptions } from './line.ts'
import { PageReads } from './reads.ts'
import { PageSnapshot, snapshotId } from './snapshot.ts'
import { assertOpen, durabilityOf, owned, pageView, type PageView } from './view.ts'

/** A keyspace as a page has it; see `Keyspace` of the engine's API. Arguments are checked here, and throw at once. */
export class PageKeyspace extends PageReads {
  constructor(view: PageView) {
    super(view)
  }

  get name(): string {
    return this.view.name
  }

  put(key: unknown, value: unknown, options?: unknown): Promise<void> {
    const content = this.key(key, 'key')
    return this.#write(WRITE_PUT, content, encodedValue(this.view, value), options)
  }

  delete(key: unknown, options?: unknown): Promise<void> {
    return this.#write(WRITE_DELETE, this.key(key, 'key'), undefined, options)
  }

  deleteWeak(key: unknown, options?: unknown): Promise<void> {
    return this.#write(WRITE_DELETE_WEAK, this.key(key, 'key'), undefined, options)
  }

  withEncodings(encodings: unknown): PageKeyspace {
    const bag = ownOptions(encodings, ['keyEncoding', 'valueEncoding'], 'the encodings')
    const { keyEncoding = 'bytes', valueEncoding = 'bytes' } = bag
    const { remote, lifeline, name, stored } = this.view
    return new PageKeyspace(pageView(remote, lifeline, name, stored, keyEncoding, valueEncoding, true))
  }

  at(snapshot: unknown): PageKeyspaceAt {
    if (!(snapshot instanceof PageSnapshot)) throw new TypeError('snapshot must be what snapshot() returned')
    return new PageKeyspaceAt(this.view, snapshot)
  }

  flush(): Promise<void> {
    return attempt(() => this.call('flush', [this.view.id]))
  }

  clear(): Promise<void> {
    return attempt(() => this.call('clear', [this.view.id]))
  }

  dropRange(options?: unknown): Promise<void> {
    return attempt(() => this.call('dropRange', [this.view.id, this.bounds(options)]))
  }

  compact(options?: unknown): Promise<void> {
    return attempt(() => {
      const { bounds, controls } = this.compaction(options)
      return this.call('compact', [this.view.id, bounds], controls)
    })
  }

  /** @internal */
  protected compaction(options: unknown): { bounds: WireBounds; controls: CallOptions } {
    const bag = ownOptions(options, [...BOUND_OPTIONS, 'signal', 'onProgress'], 'the compaction')
    const { signal, onProgress, ...bounds } = bag
    return { bounds: this.bounds(bounds), controls: controlsOf(signal, onProgress, 'compaction') }
  }

  #write(kind: number, key: Content, value: Content | undefined, options: unknown): Promise<void> {
    const { remote, id } = this.view
    const durability = durabilityOf(remote, writeDurability(options, remote.durability))
    try {
      assertOpen(remote)
    } catch (error) {
      return Promise.reject(error)
    }
    return remote.groups.add(id, kind, owned(remote, key), owned(remote, value), durability)
  }

  /** @internal */
  static viewOf(keyspace: PageKeyspace): PageView {
    return keyspace.view
  }

  protected override ownSnapshot(): undefined {
    return undefined
  }

  protected override snapshotFor(snapshot: unknown): number | undefined {
    return snapshotId(snapshot, this.view.remote)
  }
}

/** A keyspace as of a snapshot; see `Keyspace.at`. */
export class PageKeyspaceAt extends PageReads {
  readonly #snapshot: PageSnapshot

  constructor(view: PageView, snapshot: PageSnapshot) {
    super(view)
    this.#snapshot = snapshot
    this.ownSnapshot()
  }

  protected override ownSnapshot(): number | undefined {
    return snapshotId(this.#snapshot, this.view.remote)
  }

  protected override snapshotFor(snapshot: unknown): number | undefined {
    if (snapshot !== undefined && snapshot !== this.#snapshot)
      throw new TypeError('a read of a snapshot cannot name another one')
    return this.ownSnapshot()
  }
}

/** A value as it travels. @throws TypeError, RangeError */
export function encodedValue({ values, remote }: PageView, value: unknown): Content {
  const content = values.encode(value, 'value')
  const limitBytes = remote.opening.valueLimitBytes
  const length = lengthBytes(content, limitBytes)
  if (length > limitBytes) throw valueTooLong(length, limitBytes)
  return content
}

/** How a long call is ended and followed. @throws TypeError */
export function controlsOf(signal: unknown, onProgress: unknown, what: string): CallOptions {
  const listener = progressListener(onProgress)
  const progress = (doneBytes: number, totalBytes: number): void => listener({ doneBytes, totalBytes })
  return { signal: signalOf(signal), progress, what }
}
