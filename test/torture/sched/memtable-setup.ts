/** A group: `put bc` writes the keys b and c, `delete b`, `large b` a value in a page chain. `index` makes the hash index. */
export type WriteMove = `put ${string}` | `delete ${string}` | `large ${string}` | 'index'
/** `get b` at the newest S, `get@ b` at the S of the beginning; `range`, `range-back` by a merge; `walk`, `walk-back` by a cursor. */
export type ReadMove = `get ${string}` | `get@ ${string}` | 'range' | 'range-back' | 'walk' | 'walk-back'

export interface MemtableSetup {
  /** Keys written before, one after another; a key that comes again has several versions. */
  readonly keys: string
  readonly writes: readonly WriteMove[]
  readonly readers: readonly (readonly ReadMove[])[]
  readonly hasIndex?: boolean
  /** Heights of the nodes that the writer makes. */
  readonly heights?: readonly number[]
  /** The pages that nodes and values are put into are full. */
  readonly isFull?: boolean
  /** Pages left to the writer, 4 if not given. */
  readonly pages?: number
}

/** A state of the list's random generator from which it gives these heights (listNextHeight). */
export function randomState(heights: readonly number[]): bigint {
  for (let state = 1n; ; state++) {
    let x = state * 0x9e3779b97f4a7c15n
    const start = BigInt.asUintN(64, x)
    x = start
    const fits = heights.every((height) => {
      x ^= BigInt.asUintN(64, x << 13n)
      x ^= x >> 7n
      x ^= BigInt.asUintN(64, x << 17n)
      const bits = Number(x >> 32n) | (1 << 22)
      return 1 + ((31 - Math.clz32(bits & -bits)) >>> 1) === height
    })
    if (fits) return start
  }
}
