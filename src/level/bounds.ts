import { compareKeys } from '../bytes.ts'
import type { Data } from './formats.ts'

/** The bounds of a range in abstract-level's words. */
export interface Bounds {
  gte?: Data
  gt?: Data
  lte?: Data
  lt?: Data
}

export interface Range extends Bounds {
  reverse: boolean
  /** -1: no limit. */
  limit: number
}

const encoder = new TextEncoder()

/** The bounds as the engine takes them. NOTE: of two on one side abstract-level's databases heed the inclusive one. */
export function boundsOf(bounds: Bounds): Bounds {
  return { ...lowerOf(bounds), ...upperOf(bounds) }
}

/** Bounds for the part of a range from `target` on, or undefined if `target` lies outside: then there is nothing. INVARIANT: `bounds` are of boundsOf. */
export function boundsFrom(bounds: Bounds, target: Data, reverse: boolean): Bounds | undefined {
  const { gte, gt, lte, lt } = bounds
  if (gte !== undefined && compare(target, gte) < 0) return undefined
  if (gt !== undefined && compare(target, gt) <= 0) return undefined
  if (lte !== undefined && compare(target, lte) > 0) return undefined
  if (lt !== undefined && compare(target, lt) >= 0) return undefined
  return reverse ? { ...lowerOf(bounds), lte: target } : { ...upperOf(bounds), gte: target }
}

function lowerOf({ gte, gt }: Bounds): Bounds {
  return gte !== undefined ? { gte } : gt !== undefined ? { gt } : {}
}

function upperOf({ lte, lt }: Bounds): Bounds {
  return lte !== undefined ? { lte } : lt !== undefined ? { lt } : {}
}

/** Order of two keys, by their bytes. */
function compare(a: Data, b: Data): number {
  return compareKeys(bytesOf(a), bytesOf(b))
}

function bytesOf(data: Data): Uint8Array {
  return typeof data === 'string' ? encoder.encode(data) : data
}
