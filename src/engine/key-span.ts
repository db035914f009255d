import { compareKeys } from '../bytes.ts'

/** One side of a range: `after` = false: the bound lies before every version of the key, true: after them. */
export interface RangeBound {
  readonly key: Uint8Array
  readonly after: boolean
}

/** The first key on the far side of a bound; a key with a zero byte behind it comes right after the key. */
export function firstKey(bound: RangeBound | undefined): Uint8Array | undefined {
  if (bound === undefined || !bound.after) return bound?.key
  const key = new Uint8Array(bound.key.byteLength + 1)
  key.set(bound.key)
  return key
}

export interface RangeSpan {
  /** undefined: from the first key. */
  readonly lower: RangeBound | undefined
  /** undefined: to the last key. */
  readonly upper: RangeBound | undefined
  readonly reverse: boolean
  /** At most that many entries. */
  readonly limit: number
  readonly keysOnly: boolean
}

/** Whether no key can lie between the bounds. */
export function isEmptySpan({ lower, upper }: RangeSpan): boolean {
  if (lower === undefined || upper === undefined) return false
  const order = compareKeys(lower.key, upper.key)
  return order > 0 || (order === 0 && (lower.after || !upper.after))
}
