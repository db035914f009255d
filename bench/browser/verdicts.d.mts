export interface BrowserLine {
  readonly line: string
  readonly isCost: boolean
  readonly medians: Readonly<Record<string, number>>
  readonly best: string
  readonly ratio: number
  readonly least: number
  readonly holds: boolean
}

export function verdictsOf(
  runs: Readonly<Record<string, Readonly<Record<string, readonly Readonly<Record<string, number>>[]>>>>,
): Record<string, BrowserLine[]>
