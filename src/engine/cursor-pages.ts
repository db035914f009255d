import type { RangeCursor } from './range-cursor.ts'

/**
 * The cursors that are open, but for those that lost their page. When pages run short the idle ones lose theirs: they read on from the key handed
 * out last, so that iterators in the middle of a range, however many, never stop a write, a flush or each other. And before entries
 * are dropped all of them keep their S.
 */
export class CursorPages {
  /** About the least recently stepped first: a second chance at the end for those that were stepped since they were looked at last. */
  readonly #holders = new Set<RangeCursor>()

  /** The last one, which most often is gone before another comes: it need not go through the set. */
  #newest: RangeCursor | undefined

  /** Pages they have. */
  pages = 0

  add(cursor: RangeCursor): void {
    if (this.#newest !== undefined) this.#holders.add(this.#newest)
    this.#newest = cursor
  }

  remove(cursor: RangeCursor): void {
    if (this.#newest === cursor) this.#newest = undefined
    else this.#holders.delete(cursor)
  }

  /** Before entries are dropped: has every cursor keep its S. */
  holdAll(): void {
    this.#newest?.hold()
    for (const cursor of this.#holders) cursor.hold()
  }

  /** Takes up to `count` pages back. */
  release(count: number): void {
    if (this.#newest !== undefined) this.#holders.add(this.#newest)
    this.#newest = undefined
    // NOTE: every cursor is looked at twice at most: its second chance, and then.
    let looks = 2 * this.#holders.size
    for (const cursor of this.#holders) {
      if (count <= 0 || looks-- <= 0) return
      this.#holders.delete(cursor)
      if (cursor.hasPage && !cursor.steppedSinceLook() && cursor.dropPage()) count--
      else this.#holders.add(cursor)
    }
  }
}
