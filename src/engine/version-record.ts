import { PAGE_BYTES, VERSION_RUNS, VERSION_RUN_ENDS, VERSION_TABLES } from '../../assembly/memory/layout.ts'
import type { Kernel } from '../kernel/kernel.ts'
import { noPages } from '../kernel/kernel.ts'
import type { TableFile } from '../table/table-file.ts'
import type { Run } from '../version/version.ts'

/** A Version as the kernel reads it: the addresses of its tables' records, run after run (assembly/memory/layout.ts). */
export interface VersionRecord {
  /** 0 without tables. */
  readonly address: number
  readonly sizeBytes: number
}

export const NO_TABLES: VersionRecord = { address: 0, sizeBytes: 0 }

/** @throws NO_MEMORY */
export function createVersionRecord(
  kernel: Kernel,
  runs: readonly Run[],
  files: ReadonlyMap<number, TableFile>,
): VersionRecord {
  const tableCount = runs.reduce((sum, run) => sum + run.length, 0)
  if (tableCount === 0) return NO_TABLES
  const sizeBytes = VERSION_RUN_ENDS + 4 * (runs.length + tableCount)
  if (sizeBytes > PAGE_BYTES) throw noPages()
  const address = kernel.record(sizeBytes)
  const { u32 } = kernel
  u32[(address + VERSION_RUNS) >>> 2] = runs.length
  u32[(address + VERSION_TABLES) >>> 2] = tableCount
  const ends = (address + VERSION_RUN_ENDS) >>> 2
  let table = ends + runs.length
  for (const [number, run] of runs.entries()) {
    for (const { id } of run) u32[table++] = (files.get(id) as TableFile).record
    u32[ends + number] = table - ends - runs.length
  }
  return { address, sizeBytes }
}

export function freeVersionRecord(kernel: Kernel, record: VersionRecord): void {
  if (record.address !== 0) kernel.exports.freeRecord(record.address, record.sizeBytes)
}
