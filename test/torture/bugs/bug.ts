import type { Patch } from '../threads/patches.ts'
import type { ProgramName } from './budgets.ts'

/** A bug to be seeded in the engine or its kernel, and the programs of which one must notice it. */
export interface SeededBug {
  /** Row of RELIABILITY.md, section 5: the failure in the field that it re-creates. Undefined: a mutant. */
  readonly field?: number
  readonly patches: readonly Patch[]
  /** Tried one after the other. */
  readonly programs: readonly ProgramName[]
  /** Why no program can notice it. Undefined: one must. */
  readonly explained?: string
}

/** By what goes wrong. */
export type Bugs = Readonly<Record<string, SeededBug>>
