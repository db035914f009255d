import {
  SUPERVERSION_ACTIVE,
  SUPERVERSION_BYTES,
  SUPERVERSION_COUNT,
  SUPERVERSION_MAX_MEMTABLES,
  SUPERVERSION_MEMTABLES,
  SUPERVERSION_SEQNO,
  SUPERVERSION_VERSION,
} from '../../assembly/memory/layout.ts'
import { noPages, type Kernel } from '../kernel/kernel.ts'
import type { Dated } from '../version/version-history.ts'
import type { Version } from '../version/version.ts'
import type { Memtable } from './memtable.ts'
import { freeVersionRecord, type VersionRecord } from './version-record.ts'

/**
 * What reads of a keyspace go through from a seqno on: memtables, newest first, and the tables of a Version. Immutable, with the record by which the
 * kernel knows it.
 */
export interface SuperVersion extends Dated {
  readonly seqno: number
  readonly memtables: readonly Memtable[]
  readonly version: Version
  readonly versionRecord: VersionRecord
  /** Address of the record that lists the memtables and names the Version's record. */
  readonly address: number
}

/** A SuperVersion with its record. @throws NO_MEMORY */
export function superVersionOf(
  kernel: Kernel,
  seqno: number,
  active: Memtable | undefined,
  memtables: readonly Memtable[],
  version: Version,
  versionRecord: VersionRecord,
): SuperVersion {
  if (memtables.length > SUPERVERSION_MAX_MEMTABLES) throw noPages()
  const address = kernel.record(SUPERVERSION_BYTES)
  const { u32, view } = kernel
  u32[(address + SUPERVERSION_COUNT) >>> 2] = memtables.length
  view.setFloat64(address + SUPERVERSION_SEQNO, seqno, true)
  u32[(address + SUPERVERSION_ACTIVE) >>> 2] = active === undefined ? 0 : 1
  u32[(address + SUPERVERSION_VERSION) >>> 2] = versionRecord.address
  let at = (address + SUPERVERSION_MEMTABLES) >>> 2
  for (const memtable of memtables) u32[at++] = memtable.pointer
  return { seqno, memtables, version, versionRecord, address }
}

/** Frees a SuperVersion's record, and with `withVersion` that of its Version. INVARIANT: nobody reads them any more. */
export function freeSuperVersion(
  kernel: Kernel,
  { address, versionRecord }: SuperVersion,
  withVersion: boolean,
): void {
  kernel.exports.freeRecord(address, SUPERVERSION_BYTES)
  if (withVersion) freeVersionRecord(kernel, versionRecord)
}

/** Whether a SuperVersion names all of these. */
export function names({ memtables }: SuperVersion, wanted: readonly Memtable[]): boolean {
  return wanted.every((memtable) => memtables.includes(memtable))
}
