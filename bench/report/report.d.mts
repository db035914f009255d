import type { Block } from './document.mjs'

export interface Run {
  operations?: number
  ms?: number
  value?: number
  settleMs?: number
  pendingBytes?: number
  othersCores?: number
  isAbsent?: boolean
  why?: string
}

export interface Verdict {
  least?: number
  most?: number
  value: number
  best?: string
  holds: boolean
}

export interface MacroResult {
  kind: string
  engines: Record<string, { durability: string; threads?: number }>
  lines: Record<string, { unit: string; runs: Record<string, readonly Run[]>; verdicts: readonly Verdict[] }>
}

/** What a suite leaves in build/bench. */
export interface ResultRecord {
  suite: string
  date: string
  machine: Record<string, unknown>
  varve?: { version: string; revision?: string }
  peers: Record<string, string>
  settings?: Record<string, string>
  rounds: number
  additions?: readonly unknown[]
  result: unknown
}

export declare const RESULTS: readonly string[]

export declare function reportOf(
  records: Readonly<Record<string, ResultRecord | undefined>>,
  notes: ReadonlyMap<string, string>,
): Block[]
