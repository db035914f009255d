import { SLOTS, SLOT_BYTES, SLOT_EPOCH } from '../../assembly/memory/layout.ts'
import { takenSlots } from './critical-section.ts'

/** When a database is closed, reads of other threads that have begun get this long; a call takes far less. */
const LAST_READS_MS = 1000

/**
 * Waits until no read of another thread goes on. `own`: slots that do not count.
 * ORDER: the database is shut before; a read that is not seen here sees that.
 */
export async function readsElsewhereEnded(words: Int32Array, own: readonly number[]): Promise<void> {
  const reads = (slot: number): boolean =>
    !own.includes(slot) && Atomics.load(words, (SLOTS + slot * SLOT_BYTES + SLOT_EPOCH) >>> 2) !== 0
  const deadline = performance.now() + LAST_READS_MS
  while (takenSlots(words).some(reads) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
