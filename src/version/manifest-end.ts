/** Where a manifest ends: the one rule that tells a torn tail from damage. */
import { equalBytes, isZero } from '../bytes.ts'

export interface ManifestDamage {
  /** Start of the first frame that is not valid. */
  readonly offset: number
  /** It is a beginning of a frame, and then the file ends. */
  readonly isIncomplete: boolean
  /** The manifest was durable up to there: the superblock or a frame says so. */
  readonly provenLength: number
  /** No power was lost since it was written. */
  readonly isSameBoot: boolean
  /** The superblock was written by a clean close. */
  readonly isCleanClose: boolean
}

/**
 * - After a clean close nothing may be missing or left over.
 * - Bytes that were synced cannot be lost, so damage among them is damage.
 * - A killed process leaves a beginning of what it wrote, nothing else; only a power loss leaves anything.
 */
export function manifestEnd(damage: ManifestDamage): 'cut' | 'corrupt' {
  if (damage.isCleanClose || damage.offset < damage.provenLength) return 'corrupt'
  return damage.isSameBoot && !damage.isIncomplete ? 'corrupt' : 'cut'
}

/** An unknown boot, all zero, counts as another one. */
export function isSameBoot(writtenUnder: Uint8Array, current: Uint8Array): boolean {
  return !isZero(current) && equalBytes(writtenUnder, current)
}
