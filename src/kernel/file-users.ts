// Which threads use an open file that all of them know, so that it stays open: a bit for each slot, in the file's record.
//
//   ├ i32 slots 0 to 31 ┼ i32 slots 32 to 63

/** Whether any thread uses the file of which this is the address. */
export function isUsed(words: Int32Array, address: number): boolean {
  return (Atomics.load(words, address >>> 2) | Atomics.load(words, (address >>> 2) + 1)) !== 0
}

/** The thread of a slot uses it no more: the thread itself says so, or it has ended. */
export function forgetUser(words: Int32Array, address: number, slot: number): void {
  Atomics.and(words, (address >>> 2) + (slot >>> 5), ~(1 << (slot & 31)))
}

/** The files that one thread uses. INVARIANT: its bit is set as long as it uses the file for anything. */
export class FileUser {
  readonly #words: Int32Array
  readonly #slot: number
  /** How often each is used, by address. */
  readonly #uses = new Map<number, number>()

  constructor(words: Int32Array, slot: number) {
    this.#words = words
    this.#slot = slot
  }

  /** ORDER: while something else still keeps the file open; who closes it looks (`isUsed`) after that is over. */
  begin(address: number): void {
    const uses = this.#uses.get(address) ?? 0
    this.#uses.set(address, uses + 1)
    if (uses === 0) Atomics.or(this.#words, (address >>> 2) + (this.#slot >>> 5), 1 << (this.#slot & 31))
  }

  /** INVARIANT: pairs with a `begin`, before the record is freed. */
  end(address: number): void {
    const uses = this.#uses.get(address) ?? 0
    if (uses > 1) this.#uses.set(address, uses - 1)
    else {
      this.#uses.delete(address)
      forgetUser(this.#words, address, this.#slot)
    }
  }
}
