import { NO_LENGTH } from '../../assembly/memory/layout.ts'
import type { Engine } from './engine.ts'
import type { TreeDoor } from './tree-door.ts'

/**
 * If a range at S = `seqno` that begins at `start` begins in the keyspace's gap: puts the key behind it into the input page. @returns its length, NO_LENGTH if nothing is behind it
 * ORDER: who writes narrows the gap under the journal lock.
 */
export function behindGap(
  engine: Engine,
  tree: TreeDoor,
  seqno: number,
  start: Uint8Array | undefined,
): number | undefined {
  const { gap } = tree
  if (gap?.isKnown !== true) return undefined
  engine.thread.giveUp?.()
  const { u8, input } = engine.kernel
  return engine.thread.locked(() => {
    const behind = gap.behind(start, seqno)
    if (behind !== undefined && behind.length !== NO_LENGTH)
      u8.copyWithin(input, behind.key, behind.key + behind.length)
    return behind?.length
  })
}

/** Remembers that a range at S = `seqno` has met only deleted entries from `from` on up to `to` (undefined: to the end), and many. */
export function noteGap(
  engine: Engine,
  tree: TreeDoor,
  seqno: number,
  from: Uint8Array | undefined,
  to: Uint8Array | undefined,
): void {
  // NOTE: who is asked instead remembers it, and passes them no more.
  engine.thread.giveUp?.()
  engine.thread.locked(() => {
    // NOTE: only what is visible now can be said to stay so: the kernel watches what is written from now on.
    if (seqno === engine.visibleSeqno()) tree.openGap()?.found(from, to, seqno)
  })
}
