import type { Keyspace } from '../api/keyspace.ts'
import type { SyncRange } from '../api/range.ts'
import { ColumnBuilder } from './column.ts'
import type { Content, Page, RangeMode } from './messages.ts'

/** A keyspace as what travels: bytes or text. */
export type WireView = Keyspace<'bytes' | 'utf8', 'bytes' | 'utf8'>

/** Pieces of a range: the first is small, for those who want a few entries, each further one twice as large. */
const FIRST_PIECE_BYTES = 4096
const PIECE_MAX_BYTES = 262144
/** What an entry costs beside its bytes. */
const ENTRY_BYTES = 16

/** A range that a page reads piece by piece. */
export class ServedRange {
  readonly #range: SyncRange<unknown>
  readonly #mode: RangeMode
  #pieceBytes = FIRST_PIECE_BYTES

  constructor(view: WireView, mode: RangeMode, options: object) {
    this.#mode = mode
    this.#range =
      mode === 'keys'
        ? view.keysSync(options)
        : mode === 'values'
          ? view.valuesSync(options)
          : view.rangeSync(options)
  }

  /** The next piece; its buffers are appended to `buffers`. */
  next(buffers: ArrayBuffer[]): Page {
    const mode = this.#mode
    let keys: ColumnBuilder | undefined
    let values: ColumnBuilder | undefined
    let count = 0
    let isLast = false
    while ((keys?.sizeBytes ?? 0) + (values?.sizeBytes ?? 0) + count * ENTRY_BYTES < this.#pieceBytes) {
      const next = this.#range.next()
      isLast = next.done === true
      if (isLast) break
      const { value } = next
      const [key, content] =
        mode === 'entries' ? (value as [Content, Content]) : [value as Content, value as Content]
      if (mode !== 'values') (keys ??= new ColumnBuilder(typeof key === 'string')).add(key)
      if (mode !== 'keys') (values ??= new ColumnBuilder(typeof content === 'string')).add(content)
      count++
    }
    this.#pieceBytes = Math.min(PIECE_MAX_BYTES, this.#pieceBytes * 2)
    return { count, keys: keys?.take(buffers), values: values?.take(buffers), isLast }
  }

  end(): void {
    this.#range.return()
  }
}
