import type { KeyspacePolicy } from '../version/keyspace-policy.ts'
import { Version, type TableInfo } from '../version/version.ts'
import type { TreeCounters } from './counters.ts'
import type { Memtable } from './memtable.ts'
import type { SuperVersion } from './super-version.ts'
import type { TreeIdentity } from './tree-door.ts'
import type { VersionRecord } from './version-record.ts'

/** A tree, as a value that can be sent to another thread of the same memory. */
export interface TreePosition {
  readonly identity: TreeIdentity
  readonly flushedSeqno: number
  readonly policy: KeyspacePolicy
  readonly counters: TreeCounters
  readonly memtables: readonly { readonly pointer: number; readonly firstJournal: number }[]
  /** Addresses. */
  readonly active: number
  readonly sealed: readonly number[]
  /** Oldest first. */
  readonly history: readonly {
    readonly seqno: number
    readonly memtables: readonly number[]
    readonly tables: readonly TableInfo[]
    readonly versionRecord: VersionRecord
    readonly address: number
  }[]
  /** Ids of the tables that are open. */
  readonly tables: readonly number[]
  readonly retired: readonly TableInfo[]
}

/** A SuperVersion, as a value. */
export function positionOf({
  seqno,
  memtables,
  version,
  versionRecord,
  address,
}: SuperVersion): TreePosition['history'][number] {
  return {
    seqno,
    memtables: memtables.map(({ pointer }) => pointer),
    tables: [...version.tables()],
    versionRecord,
    address,
  }
}

/** The SuperVersion that a value stands for. */
export function superVersionAt(
  { seqno, memtables, tables, versionRecord, address }: TreePosition['history'][number],
  memtableAt: (pointer: number) => Memtable,
): SuperVersion {
  return {
    seqno,
    memtables: memtables.map(memtableAt),
    version: Version.of(tables),
    versionRecord,
    address,
  }
}
