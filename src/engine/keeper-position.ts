import type { TableFile } from '../table/table-file.ts'
import type { CatalogPosition } from './catalog.ts'
import type { LeftJournal } from './journals.ts'
import type { TreePosition } from './tree-position.ts'

/** A keeper, as a value that can be sent to another thread of the same memory. */
export interface KeeperPosition {
  readonly databaseId: Uint8Array
  readonly nextKeyspaceId: number
  readonly catalog: CatalogPosition
  readonly tables: readonly (Omit<TableFile, 'file'> & { readonly descriptor: number })[]
  readonly trees: readonly TreePosition[]
  readonly journals: readonly LeftJournal[]
  readonly spareTreeRecords: readonly number[]
  /** Ids of the keyspaces that have SuperVersions for older reads. */
  readonly withHistory: readonly number[]
}
