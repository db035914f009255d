/** What became of the damages to an engine's files. */
import type { Damage } from './damage.ts'

export type Outcome = 'noEffect' | 'reported' | 'reportedButWrong' | 'silent' | 'died' | 'hung'

export interface KindFigures extends Record<Outcome, number> {
  readonly kind: string
  readonly type: Damage['type']
  /** Of all files of the kind. */
  readonly sizeBytes: number
  runs: number
}

export interface EngineFigures {
  readonly engine: string
  readonly version: string
  /** Why there are no figures. */
  readonly missing?: string
  readonly kinds: readonly KindFigures[]
}

export function newFigures(kind: string, type: Damage['type'], sizeBytes: number): KindFigures {
  const outcomes = { noEffect: 0, reported: 0, reportedButWrong: 0, silent: 0, died: 0, hung: 0 }
  return { kind, type, sizeBytes, runs: 0, ...outcomes }
}
