import { AwaitedBlocks, BlockMissing } from '../table/awaited-blocks.ts'
import type { BlockLoader } from '../table/block-loader.ts'
import type { Engine } from './engine.ts'

/**
 * Blocks that a read waits for while it gets no further. With more, structures change faster than it reads: it blocks the thread for once, and comes to its end.
 */
const WAITS = 1000

const NOTHING_AWAITED = new AwaitedBlocks()

/**
 * Takes a synchronous step that reads, without blocking the thread on a file: if a block is missing the step is taken again when the block is there.
 * INVARIANT: no code of the user's runs in it.
 * @returns its result: at once if all is in memory
 * @throws what the step throws
 */
export function readAsync<T>(blocks: BlockLoader, step: () => T): T | Promise<T> {
  try {
    return withoutFiles(blocks, NOTHING_AWAITED, step)
  } catch (error) {
    if (error instanceof BlockMissing) return afterBlock(blocks, error, step)
    throw error
  }
}

/** @throws BlockMissing, and what the step throws */
function withoutFiles<T>(blocks: BlockLoader, awaited: AwaitedBlocks, step: () => T): T {
  blocks.awaited = awaited
  try {
    return step()
  } finally {
    blocks.awaited = undefined
  }
}

async function afterBlock<T>(blocks: BlockLoader, first: BlockMissing, step: () => T): Promise<T> {
  const awaited = new AwaitedBlocks()
  for (let missing = first; ;) {
    await awaited.add(missing)
    if (awaited.count >= WAITS) return step()
    try {
      return withoutFiles(blocks, awaited, step)
    } catch (error) {
      if (!(error instanceof BlockMissing)) throw error
      missing = error
    }
  }
}

/**
 * The same for `read(subject, what, S)`: S = `seqno`, 0 for the latest. A read that waits keeps the S of this call readable, and nothing else: no memtable, no
 * SuperVersion (docs/architecture.md, "A read"); and `own(what)`, which nobody else writes to.
 * NOTE: nothing is allocated if all is in memory.
 * @throws NO_MEMORY, and what `read` throws
 */
export function readAsyncAt<A, B, T>(
  engine: Engine,
  seqno: number,
  read: (subject: A, what: B, seqno: number) => T,
  subject: A,
  what: B,
  own: (what: B) => B,
): T | Promise<T> {
  const { blocks } = engine
  blocks.awaited = NOTHING_AWAITED
  try {
    return read(subject, what, seqno)
  } catch (error) {
    if (!(error instanceof BlockMissing)) throw error
    const owned = own(what)
    return holding(engine, seqno, (s) => afterBlock(blocks, error, () => read(subject, owned, s)))
  } finally {
    blocks.awaited = undefined
  }
}

/** Keeps an S readable until `read` has ended. */
async function holding<T>(engine: Engine, seqno: number, read: (seqno: number) => Promise<T>): Promise<T> {
  const { snapshots } = engine
  // NOTE: nothing was dropped since S was read in this call, or it is a snapshot's and registered.
  const held = seqno === 0 ? snapshots.holdLatest() : snapshots.hold(seqno)
  if (held === undefined) throw new Error(`seqno ${seqno} cannot be read any more`)
  try {
    return await read(held.seqno)
  } finally {
    snapshots.letGo(held)
  }
}
