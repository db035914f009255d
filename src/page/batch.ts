import { ENTRY_HEADER_BYTES } from '../../assembly/memory/layout.ts'
import { writeDurability } from '../api/options.ts'
import { Arena } from '../remote/arena.ts'
import { WRITE_DELETE, WRITE_PUT, type Content, type ViewId, type Writes } from '../remote/messages.ts'
import { checkKey } from './codec.ts'
import { encodedValue, PageKeyspace } from './keyspace.ts'
import { assertOpen, durabilityOf, type PageView, type Remote } from './view.ts'

/** Writes that are committed together; see `Batch` of the engine's API. They stay on the page until `commit`. */
export class PageBatch {
  readonly #remote: Remote
  readonly #view: PageView
  // NOTE: its own; the one of the turn goes with the turn.
  readonly #arena = new Arena()
  #writes: Writes | undefined = []
  readonly #views: ViewId[] = []
  #sizeBytes = 0

  constructor(view: PageView) {
    this.#view = view
    this.#remote = view.remote
  }

  get length(): number {
    return this.#writes === undefined ? 0 : this.#views.length
  }

  /** About how many bytes it holds. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  put(first: unknown, second: unknown, third?: unknown): this {
    return first instanceof PageKeyspace
      ? this.add(viewOf(first, this.#remote), second, third)
      : this.add(this.#view, first, second)
  }

  delete(first: unknown, second?: unknown): this {
    return first instanceof PageKeyspace
      ? this.remove(viewOf(first, this.#remote), second)
      : this.remove(this.#view, first)
  }

  clear(): this {
    this.#unused().length = 0
    this.#views.length = 0
    this.#sizeBytes = 0
    return this
  }

  commit(options?: unknown): Promise<void> {
    const durability = durabilityOf(this.#remote, writeDurability(options, this.#remote.durability))
    const writes = this.#unused()
    this.#writes = undefined
    try {
      assertOpen(this.#remote)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#remote.line.call('batch', [this.#views, writes, durability], { sizeBytes: this.#sizeBytes })
  }

  /** @internal */
  add(view: PageView, key: unknown, value: unknown): this {
    this.#unused()
    const content = checkKey(view.keys.encode(key, 'key'))
    return this.#push(WRITE_PUT, view, content, encodedValue(view, value))
  }

  /** @internal */
  remove(view: PageView, key: unknown): this {
    this.#unused()
    return this.#push(WRITE_DELETE, view, checkKey(view.keys.encode(key, 'key')), undefined)
  }

  #push(kind: number, view: PageView, key: Content, value: Content | undefined): this {
    this.#unused().push(kind, this.#arena.own(key), this.#arena.own(value))
    this.#views.push(view.id)
    this.#sizeBytes += ENTRY_HEADER_BYTES + key.length + (value?.length ?? 0)
    return this
  }

  #unused(): Writes {
    if (this.#writes === undefined)
      throw new TypeError('the batch was committed already; start a new one with batch()')
    return this.#writes
  }
}

/** The view behind a keyspace given as an argument. @throws TypeError if it is another database's */
export function viewOf(keyspace: PageKeyspace, remote: Remote): PageView {
  const view = PageKeyspace.viewOf(keyspace)
  if (view.remote !== remote) throw new TypeError('the keyspace belongs to another database')
  return view
}
