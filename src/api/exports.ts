/** What every entry point of the package exports, beside its `open` and `destroy`. */
export { Batch } from './batch.ts'
export { Database, type Operation } from './database.ts'
export { Keyspace, KeyspaceAt } from './keyspace.ts'
export { AsyncRange, SyncRange } from './range.ts'
export type { SharedDatabase } from './share.ts'
export { Slice } from './slice.ts'
export { Snapshot } from './snapshot.ts'
export type * from './types.ts'
export type {
  BackgroundErrorEvent,
  CompactionEvent,
  DatabaseEvents,
  EventName,
  FlushEvent,
  Listener,
  ProgressEvent,
  StallEvent,
} from '../engine/events.ts'
export type { Progress } from '../engine/progress.ts'
export type { VerifyProblem, VerifyReport } from '../engine/verify-report.ts'
export { VarveError, type VarveErrorCode } from '../errors.ts'
