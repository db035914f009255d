import {
  CONTROL_GROUP,
  CONTROL_JOURNAL_LOCK,
  CONTROL_POISON,
  CONTROL_VISIBLE_SEQNO,
  SLOT_GROUP_END,
} from '../../../assembly/memory/layout.ts'
import type { FlushedEntry } from './flushed-tables.ts'
import type { KernelWorld } from './kernel-world.ts'
import type { End } from './scene.ts'
import { expectThat } from './violation.ts'

/** What was written: of an empty key, a clear. */
export interface Write extends FlushedEntry {
  /** When it was done; Infinity: it failed, or was not. */
  readonly ended: number
}

export interface Read {
  readonly key: string
  readonly s: number
  readonly value: string | undefined
  readonly began: number
}

export interface Failure {
  readonly thread: number
  readonly code: unknown
  readonly message: string
}

/** What threads wrote and read of a keyspace, and what must hold of it. */
export class EngineHistory {
  readonly writes: Write[] = []
  readonly reads: Read[] = []
  readonly failures: Failure[] = []
  /** The write that each thread has begun, and the end of its group before. */
  readonly begun: Map<number, { readonly write: Omit<Write, 'seqno' | 'ended'>; readonly end: number }> =
    new Map<number, { readonly write: Omit<Write, 'seqno' | 'ended'>; readonly end: number }>()
  readonly #world: KernelWorld
  readonly #slots: readonly number[]
  readonly #initial: readonly Write[]

  constructor(world: KernelWorld, slots: readonly number[], initial: readonly Write[]) {
    this.#world = world
    this.#slots = slots
    this.#initial = initial
  }

  groupEnd(thread: number): number {
    return this.#world.long((this.#slots[thread] as number) + SLOT_GROUP_END)
  }

  /** Those too whose threads came no further than their publication. */
  all(): Write[] {
    const writes = [...this.#initial, ...this.writes]
    for (const [thread, { write, end }] of this.begun) {
      const taken = this.groupEnd(thread)
      if (taken !== end) writes.push({ ...write, seqno: taken - 1, ended: Infinity })
    }
    return writes.sort((a, b) => a.seqno - b.seqno)
  }

  /** @throws Violation: every read is at an S that has what was published before, and finds what is visible at it */
  checkReads(): void {
    const writes = this.all()
    for (const { key, s, value, began } of this.reads) {
      for (const { seqno, ended } of writes) {
        if (ended < began)
          expectThat(s > seqno, () => `a read is at ${s}, though ${seqno} was published before`)
      }
      const expected = newest(writes, key, s)
      expectThat(value === expected, () => `${key} read at ${s} is ${value}, not ${expected}`)
    }
  }

  /** @throws Violation: without a fault nothing fails; a group that a fault has cut short is known as such, so that nobody writes behind it */
  checkFailures({ dead, traps }: End, isDropped: boolean): void {
    for (const { thread, code, message } of this.failures) {
      const isExpected =
        (dead >= 0 && (code === 'POISONED' || code === 'WRITE_STALLED' || (traps && thread === dead))) ||
        (isDropped && code === 'NOT_FOUND')
      expectThat(isExpected, () => `thread ${thread} failed: ${message}`)
    }
    const world = this.#world
    for (const [thread, { end }] of this.begun) {
      const taken = this.groupEnd(thread)
      const isCut = taken !== end && world.long(CONTROL_VISIBLE_SEQNO) < taken
      if (!isCut) continue
      const isKnown =
        world.word(CONTROL_POISON) !== 0 ||
        world.word(CONTROL_GROUP) === thread + 1 ||
        world.word(CONTROL_JOURNAL_LOCK) === thread + 1
      expectThat(isKnown, () => `the write of thread ${thread} was cut short, and nothing says so`)
    }
  }
}

/** What a key is at S. */
export function newest(writes: readonly Write[], key: string, s: number): string | undefined {
  const last = writes.findLast((write) => write.seqno < s && (write.key === key || write.key === ''))
  return last === undefined || last.key === '' ? undefined : last.value
}
