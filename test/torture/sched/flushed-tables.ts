import {
  PAGE_BYTES,
  STATUS_NEED_BLOCK,
  SUPERVERSION_BYTES,
  SUPERVERSION_VERSION,
  TYPE_VALUE,
  VERSION_RUN_ENDS,
} from '../../../assembly/memory/layout.ts'
import type { File } from '../../../src/fs/filesystem.ts'
import type { TableFile } from '../../../src/table/table-file.ts'
import { bytes } from '../../kernel/entries.ts'
import { encodeTable } from '../../kernel/merge-blocks.ts'
import { StoredRuns } from '../../kernel/stored-run.ts'
import type { KernelWorld } from './kernel-world.ts'

export interface FlushedEntry {
  readonly key: string
  readonly seqno: number
  readonly value: string
}

/** A table of these entries, in internal order, with all its blocks in the cache. `slot`: of a thread that reads nothing now. */
export function flushedTable(
  world: KernelWorld,
  slot: number,
  id: number,
  entries: readonly FlushedEntry[],
): TableFile {
  const { memory, u8, u32, view, shipped } = world
  const runs = new StoredRuns({ memory, x: shipped, slot, u8, u32, view })
  const stored = entries.map(({ key, seqno, value }) => ({
    key: bytes(key),
    seqno,
    type: TYPE_VALUE,
    value: bytes(value),
  }))
  runs.add(encodeTable(stored, entries.length, 16), { tableBlocks: 100, indexEntries: 100 })
  const superVersion = shipped.allocateRecord(SUPERVERSION_BYTES) >>> 0
  runs.install(superVersion)
  const probe = shipped.allocatePage() >>> 0
  for (const { key } of entries) {
    u8[probe] = key.charCodeAt(0)
    while (shipped.pointRead(slot, superVersion, probe, 1, 1e6) === STATUS_NEED_BLOCK) runs.loadNeeded()
  }
  // The next read lets go of the block that the last one has pinned: one at an S that sees no table.
  shipped.pointRead(slot, superVersion, probe, 0, 1)
  const record = world.word(world.word(superVersion + SUPERVERSION_VERSION) + VERSION_RUN_ENDS + 4)
  shipped.freePage(probe)
  const seqnos = entries.map(({ seqno }) => seqno)
  const info = {
    id,
    keyspaceId: 0,
    level: 0,
    run: id,
    sizeBytes: PAGE_BYTES,
    salt: new Uint8Array(16),
    smallestKey: bytes(entries[0]?.key ?? ''),
    largestKey: bytes(entries.at(-1)?.key ?? ''),
    lowestSeqno: Math.min(...seqnos),
    highestSeqno: Math.max(...seqnos),
    entries: entries.length,
    tombstones: 0,
    hiddenVersions: 0,
    createdAt: 0,
    fileChecksum: new Uint8Array(8),
  }
  return { info, file: {} as File, record, filter: undefined, compression: undefined }
}
