/**
 * What is explored: threads that take turns, one access at a time, and somebody who decides who is next.
 *
 * A move is the number of a thread that carries out the access it stands before, or TIMEOUT + that of a thread whose sleep ends by itself.
 */
import type { ExploredExports } from './explored-kernel.ts'
import type { ExploredSources } from './explored-sources.ts'
import type { KernelWorld } from './kernel-world.ts'
import type { Machine } from './machine.ts'
import type { ThreadDoor } from './replayed-thread.ts'
import type { Tamper } from './tamper.ts'

/** Added to a thread's number. So there are at most as many threads. */
export const TIMEOUT = 8
/** A schedule with more moves than this does not end. */
export const MOVES_MAX = 2048

/** Decides who is next. */
export interface Strategy {
  /**
   * @param moves one bit for each possible move, at least one
   * @param last the thread that moved last, -1 at the start
   * @returns a possible move, or -1: this schedule need not be gone on with
   */
  choose(moves: number, last: number): number
}

/** A thread that ends for good before its access number `point` (counted from 0), or, if it `traps`, whose call of the kernel fails there. */
export interface Fault {
  readonly thread: number
  readonly point: number
  readonly traps: boolean
}

/** How a schedule ended. */
export interface End {
  /** The thread that died or trapped, -1 if none did. */
  readonly dead: number
  readonly traps: boolean
}

/** One call of the kernel. */
export interface Step {
  /** Whether it is made at all; asked before the call. */
  readonly when?: () => boolean
  /** Makes exactly one call. NOTE: it is called again each time the thread goes on within it, and must pass the same numbers. */
  readonly call: (x: ExploredExports) => number | void
  /** Takes what it returned. Times count moves: its first access and its last. */
  readonly done?: (result: number, began: number, ended: number) => void
}

/** What a thread of TypeScript does. NOTE: it is run again and again from its beginning, so all else that it touches goes through `door.once`. */
export type Body = (door: ThreadDoor) => void

/** What a schedule begins with, what its threads do, and what must hold in the end. */
export interface Scene {
  readonly world: KernelWorld
  /** Threads of calls; or else `bodies`, of TypeScript. */
  readonly threads?: readonly (readonly Step[])[]
  readonly bodies?: (sources: ExploredSources) => readonly Body[]
  /** Those of `bodies` that go on when a call of the kernel traps. */
  readonly trapping?: readonly number[]
  /**
   * How often a thread's sleep may end by itself, at any moment. 0: never, so that a wake-up that is missing leaves a thread asleep for ever. With
   * a dead thread sleeps end when nothing else can happen.
   */
  readonly timeouts?: number
  /** Before each schedule. */
  begin?(): void
  /** @throws Violation */
  check?(end: End, machine: Machine): void
  /** Nobody can go on, because of the dead thread: the database is poisoned then. @throws Violation if nobody could tell that from outside */
  stuck?(end: End): void
}

/** How a thread is run. */
export interface Program {
  restart(): void
  /** Goes on to where another thread is next. @returns true at the end */
  run(): boolean
  /** The sleep it began last has ended so. */
  wakeUp?(result: string): void
  unfinished?(): { readonly step: number; readonly began: number } | undefined
}

/** A bug that the exploration must find: of the kernel, by what its accesses find; of the sources, by another text. */
export interface SeededBug {
  readonly tamper?: Tamper
  /** A part of the sources and what stands in its place; it must be there once. */
  readonly edit?: readonly [string, string]
}
