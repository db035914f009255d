/** The public API as the tests of behaviour use it: keys and values are bytes, or strings taken as UTF-8. */
import type { Batch } from '../../src/api/batch.ts'
import type { Database, Operation } from '../../src/api/database.ts'
import type { Keyspace } from '../../src/api/keyspace.ts'
import type { Reads } from '../../src/api/keyspace-reads.ts'
import type { Snapshot } from '../../src/api/snapshot.ts'

export type SubjectReads = Reads<'bytes', 'bytes'>
export type SubjectKeyspace = Keyspace<'bytes', 'bytes'>
export type SubjectSnapshot = Snapshot<'bytes', 'bytes'>
export type SubjectBatch = Batch<'bytes', 'bytes'>
export type SubjectDatabase = Database<'bytes', 'bytes'>
export type SubjectOperation = Operation<'bytes', 'bytes'>
