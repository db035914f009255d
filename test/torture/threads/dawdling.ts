import type { Patch } from './patches.ts'

/** A thread dawdles right before a text of the engine, which must be there exactly once. */
function dawdleBefore(file: string, text: string): Patch {
  return { file, find: text, replace: `dawdle();${text}` }
}

/** The same, for longer. */
function lingerBefore(file: string, text: string): Patch {
  return { file, find: text, replace: `linger();${text}` }
}

/** Between steps whose order is what isolation rests on, threads sleep for a moment. */
export const DAWDLING: readonly Patch[] = [
  // Seqnos taken and journalled, not inserted; half a group inserted; inserted, not published.
  dawdleBefore('src/engine/apply.ts', 'const filled = Math.min(PAGE_BYTES, end - at)'),
  dawdleBefore('src/engine/write-path.ts', 'const status = exports.applyEntries(slot, tree.active,'),
  dawdleBefore('src/engine/erasure.ts', 'exports.publishGroup(slot)'),
  // The SuperVersion is loaded, S is not; and found, but not copied out.
  lingerBefore('src/engine/point-read.ts', 'const status = this.#lookIn(superVersion, key, keyLength, s)'),
  lingerBefore('src/api/reads.ts', 'const copy = large === undefined ?'),
  // A block is needed and not read; and read, not in the cache.
  lingerBefore('src/table/block-loader.ts', 'this.#read(table, offset, sizeBytes)\n'),
  lingerBefore('src/table/block-loader.ts', 'const status = exports.loadBlock('),
  // S is known, the SuperVersion is not; the merge goes on.
  lingerBefore('src/engine/engine.ts', 'return read(held.seqno)'),
  lingerBefore('src/engine/range-cursor.ts', 'this.#remaining = span.limit\n'),
  lingerBefore('src/engine/range-cursor.ts', 'isBegun = this.#begin()'),
  lingerBefore('src/engine/range-cursor.ts', 'const status = exports.mergeFill('),
  // S is in its slot, the barrier is not looked at; and the other way round.
  lingerBefore('src/version/snapshot-registry.ts', 'while (this.dropBarrier > kept) {'),
  dawdleBefore('src/version/snapshot-registry.ts', 'while (barrier < visible) {'),
  // A writer knows the SuperVersion, not yet the memtable.
  dawdleBefore('src/engine/tree-door.ts', 'return this.#word(superVersion + SUPERVERSION_ACTIVE) === 0'),
  // Older SuperVersions are linked, the newest is not there; and replaced, the old one not freed.
  dawdleBefore(
    'src/engine/tree.ts',
    'Atomics.store(words, (this.door.record + TREE_SUPERVERSION) >>> 2, older)',
  ),
  dawdleBefore(
    'src/engine/tree.ts',
    'this.#reclaimer.retire(() => freeSuperVersion(this.#kernel, replaced, false))',
  ),
]
