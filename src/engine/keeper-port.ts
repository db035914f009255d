import type { MajorRange } from '../compaction/major.ts'
import type { KeyspacePolicy } from '../version/keyspace-policy.ts'
import type { KeyspaceDefinition } from './engine.ts'
import type { ErasedRange } from './erasure.ts'
import type { Estimate } from './estimate.ts'
import type { KeeperFigures } from './keeper-figures.ts'
import type { RangeSpan } from './key-span.ts'
import type { ProgressListener } from './progress.ts'
import type { TreeIdentity } from './tree-door.ts'
import type { VerifyReport } from './verify-report.ts'

/** How a long job is watched and ended. */
export interface JobControl {
  readonly signal: AbortSignal | undefined
  readonly onProgress: ProgressListener
}

/**
 * What the keeper of a database does for those who use it. Keyspaces are named by their ids; arguments and results are values that can be sent to another thread.
 * Each throws or rejects with CLOSED, POISONED, or NOT_FOUND for a dropped keyspace, besides what is said.
 */
export interface KeeperServices {
  /** Begins the epoch of this open, if nothing has been written yet. @throws DISK_FULL */
  begin(): void
  /** Makes room for a group of up to `pages` pages in these keyspaces. @throws NO_MEMORY, DISK_FULL */
  makeRoom(ids: readonly number[], pages: number): void
  keyspaces(): TreeIdentity[]
  keyspaceNamed(name: string): TreeIdentity | undefined
  /** The keyspace of that name, created if there is none; `policy` makes one out of what there is. @throws DISK_FULL */
  keyspace(name: string, definition: KeyspaceDefinition, policy: KeyspacePolicy): TreeIdentity
  policy(id: number): KeyspacePolicy
  setPolicy(id: number, policy: KeyspacePolicy): void
  /** @throws NOT_FOUND */
  dropKeyspace(name: string): void
  /** Writes what is in memory into tables; without `ids` of all keyspaces. */
  flushSync(ids: readonly number[] | undefined): void
  flush(ids: readonly number[] | undefined): Promise<void>
  compactSync(id: number | undefined, range: MajorRange): void
  /** @throws ABORTED */
  compact(id: number | undefined, range: MajorRange, job: JobControl): Promise<void>
  /** See `erase`. */
  erase(id: number, range: ErasedRange): void
  /** Makes everything acknowledged durable. @throws DISK_FULL */
  sync(): Promise<void>
  estimate(id: number, span: RangeSpan): Estimate
  /** @throws ABORTED */
  verify(job: JobControl): Promise<VerifyReport>
  figures(): KeeperFigures
  /** A read has ended, or a page is wanted: frees what it can. */
  collect(): void
  /** A page is wanted, and nothing but compactions under way can give one. */
  endCompactions(): void
}

export type ServiceName = keyof KeeperServices
export type ServiceArguments<N extends ServiceName> = Parameters<KeeperServices[N]>
export type ServiceResult<N extends ServiceName> = ReturnType<KeeperServices[N]>

/** The way from one who uses a database to its keeper, on this thread or on another one. */
export interface KeeperPort {
  /** Whether the epoch of this open has begun. */
  readonly begun: boolean
  /** Waits for the answer. */
  call<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): ServiceResult<N>
  /** The same without blocking this thread. */
  ask<N extends ServiceName>(name: N, ...args: ServiceArguments<N>): Promise<Awaited<ServiceResult<N>>>
  /** Whether an asynchronous write should wait for work in the background rather than have room made at once. */
  mustWait(ids: readonly number[], pages: number): boolean
  /** Resolves when there may be room, or at the deadline (milliseconds since 1970). */
  progress(ids: readonly number[], pages: number, deadline: number): Promise<void>
  /** Says that room will be needed soon, without waiting for it. */
  prepareRoom(ids: readonly number[]): void
  /** Something was written that may have to be handed on, or synced. */
  noteUnsynced(): void
  /** Seals everything: the end. */
  finish(): Promise<void>
  /** At the end of the process: blocks until a `finish` that another thread is at has ended. @returns whether there was one */
  awaitFinish(): boolean
  /** Gives files back: the end. */
  close(): void
  /** Makes ends for another thread. @throws NOT_SUPPORTED, NO_MEMORY */
  share(): Promise<SharedEnds>
}

/** What another thread needs to use a database. */
export interface SharedEnds {
  /** Index of the slot that is kept for it. */
  readonly slot: number
  /** For its calls of the keeper. */
  readonly calls: unknown
  /** For its liveness. */
  readonly liveness: unknown
}
