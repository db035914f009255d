import { createBlockBuild } from './block-build.mjs'
import { createBlockSearch } from './block-search.mjs'
import { createCompression } from './compression.mjs'
import { createFilters } from './filters.mjs'
import { createHashes } from './hashes.mjs'
import { createKeys } from './keys.mjs'
import { createMemtableLoops } from './memtables.mjs'
import { createMerges } from './merges.mjs'
import { createSeqnos } from './seqnos.mjs'

/** All twins on a memory (createMemory), by the names of the functions of bench/micro/kernel. `words`: a BigUint64Array on shared memory. */
export function createTwins(memory, words) {
  return {
    ...createBlockBuild(memory),
    ...createBlockSearch(memory),
    ...createCompression(memory),
    ...createFilters(memory),
    ...createHashes(memory),
    ...createKeys(memory),
    ...createMemtableLoops(memory),
    ...createMerges(memory),
    ...createSeqnos(words),
  }
}
