/**
 * What bytes in linear memory are lent under: they may be read as long as `generation` is what it was when they were handed out.
 * INVARIANT: whoever moves or frees such bytes counts it up before.
 */
export interface Lease {
  generation: number
}
