/** What is in use when nothing should be. */
export interface Level {
  /** Pages that neither are free nor hold blocks that can be given back at any time. */
  readonly usedPages: number
  readonly files: number
  readonly slots: number
  readonly snapshots: number
  /** Undefined where the host does not tell. */
  readonly descriptors: number | undefined
}

/** Records are given out of pages that stay, so how many there were at once may show in some pages more. */
const SPARE_PAGES = 2

/** Whether nothing more is in use than was before. */
export function isBack(level: Level, baseline: Level): boolean {
  return (
    level.usedPages <= baseline.usedPages + SPARE_PAGES &&
    level.files <= baseline.files &&
    level.slots <= baseline.slots &&
    level.snapshots <= baseline.snapshots &&
    (level.descriptors ?? 0) <= (baseline.descriptors ?? 0)
  )
}
