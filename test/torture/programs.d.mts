/** See programs.mjs. */
export interface Program {
  readonly name: string
  readonly run: string
  /** Ids of RELIABILITY.md, or which issue it is for. */
  readonly test: string
  readonly short?: Readonly<Record<string, number>>
  readonly long?: Readonly<Record<string, number>>
  readonly bars: Readonly<Record<string, number>>
}

export const PROGRAMS: readonly Program[]
