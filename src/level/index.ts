/** varve behind the interface of abstract-level: what runs on `classic-level` or `level` runs on it. */
export { VarveLevel, type StartEndOptions } from './varve-level.ts'
export { LevelError } from './errors.ts'
export type { DatabaseOptions, LevelOpenOptions as OpenOptions, WriteOptions } from './options.ts'
