/** varve behind the interface of abstract-level: what runs on `classic-level` or `level` runs on it. */
export { VarveLevel } from './varve-level.ts'
export { LevelError } from './errors.ts'
export type { ChainedBatch } from './chained-batch.ts'
export type {
  BatchOptions,
  ChainedBatchWriteOptions,
  DatabaseOptions,
  DelOptions,
  GetManyOptions,
  GetOptions,
  HasManyOptions,
  HasOptions,
  IteratorOptions,
  KeyIteratorOptions,
  LevelOpenOptions as OpenOptions,
  PutOptions,
  StartEndOptions,
  ValueIteratorOptions,
} from './options.ts'
