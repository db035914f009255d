import { PAGE_BYTES, SLOT_GROUP_SEQNO } from '../../assembly/memory/layout.ts'
import { corrupt } from '../errors.ts'
import { FRAME_HEADER_BYTES, KIND_BATCH, KIND_GAP } from '../journal/format.ts'
import { readFrames, type JournalFrame } from '../journal/reader.ts'
import { applyPayload, MalformedEntries, type ApplyTarget } from './apply.ts'
import type { Keeper } from './keeper.ts'
import type { ReplayJournal } from './read-database.ts'
import type { Tree } from './tree.ts'

/**
 * Applies the journals to the memtables, oldest first, flushing on the way when memory fills up: entry i of a batch counts iff its seqno is
 * not below the flushed seqno of its keyspace, and the keyspace exists.
 * @throws CORRUPT
 */
export function replay(keeper: Keeper, journals: readonly ReplayJournal[]): void {
  const { kernel } = keeper
  const page = kernel.page()
  try {
    for (const { id, file, length } of journals) {
      if (length === 0) continue
      for (const frame of readFrames(kernel, file, length, keeper.options.memoryLimit)) {
        if (frame.kind === KIND_GAP) continue
        if (frame.kind !== KIND_BATCH)
          throw corrupt(file.name, frame.offset, `a record of kind ${frame.kind} is not expected`)
        applyFrame(keeper, page, frame, id, file.name)
      }
    }
  } finally {
    kernel.exports.freePage(page)
  }
  // INVARIANT: only now may a flush give them up: until here their last frames were nowhere else.
  keeper.journals.adopt(journals.map(({ id, sizeBytes }) => ({ id, sizeBytes })))
}

function applyFrame(
  keeper: Keeper,
  page: number,
  frame: JournalFrame,
  journalId: number,
  file: string,
): void {
  const { kernel, trees } = keeper
  const { exports, slot } = kernel
  const { payload, baseSeqno, count } = frame
  const end = baseSeqno + count
  keeper.budget.forReplay(Math.ceil((payload.byteLength * 2 + count * 64) / PAGE_BYTES) + 4)
  exports.setGroup(slot, baseSeqno, count)
  const touched = new Set<Tree>()
  const nothing: ApplyTarget = { memtable: 0, flushedSeqno: 0 }
  const targetOf = (keyspaceId: number): ApplyTarget => {
    const tree = trees.get(keyspaceId)
    if (tree === undefined) {
      if (keyspaceId < keeper.nextKeyspaceId) return nothing
      throw corrupt(file, frame.offset, `it writes to keyspace ${keyspaceId}, which never existed`)
    }
    if (end <= tree.flushedSeqno) return nothing
    touched.add(tree)
    return { memtable: tree.openMemtable(journalId).pointer, flushedSeqno: tree.flushedSeqno }
  }
  try {
    // NOTE: the payload may lie on a page of the reader; applyPayload copies it through a page of its own.
    applyPayload(kernel, page, payload, 0, payload.byteLength, targetOf)
  } catch (error) {
    if (!(error instanceof MalformedEntries)) throw error
    throw corrupt(file, frame.offset + FRAME_HEADER_BYTES + error.at, 'an entry does not add up')
  }
  if (kernel.seqno(SLOT_GROUP_SEQNO) !== end)
    throw corrupt(file, frame.offset, 'it holds fewer entries than it says')
  keeper.budget.afterReplay(touched)
}
