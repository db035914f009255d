import type { Mutator } from './mutator.ts'

/** A decoder under test. What it may not do it says by throwing; a trap is an exception like others. */
export interface Decoder {
  readonly name: string
  /** Valid encodings, by the engine's own writers. */
  readonly corpus: readonly Uint8Array[]
  /** Puts right checksums and chains over what the bytes say, so that the checks behind them are reached. */
  sign?(bytes: Uint8Array): void
  /** Decodes. @returns a word for what came of it: 'ok …' if it was accepted */
  run(bytes: Uint8Array, mutator: Mutator): string
}

export function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(rule)
}

/** The largest input; what the mutations make longer is cut. */
export const INPUT_MAX_BYTES = 65_536
