/** What `soak` asks of its process (soak-child.ts), and hears from it. */
export interface SoakRequest {
  readonly directory: string
  readonly seed: number
  readonly seconds: number
  /** Of a lap, from one open to the next. */
  readonly lapSeconds: number
  readonly lapsMin: number
  readonly idleSeconds: number
}

/** What was in use at the end of a lap, after all was compacted and garbage was collected; descriptors after close. */
export interface Lap {
  operations: number
  writtenBytes: number
  rssBytes: number
  /** Of JavaScript on the main thread, with what it holds outside. */
  heapBytes: number
  /** Pages of linear memory in use, but for the cache; and of all memories made so far. */
  usedPages: number
  madePages: number
  descriptors: number | undefined
  diskBytes: number
  logicalBytes: number
  mostJournalBytes: number
}

export interface SoakReport {
  readonly laps: Lap[]
  readonly abandoned: number
  /** Of the time in which nothing was asked. */
  readonly idle: { readonly seconds: number; readonly cpuMs: number; readonly changes: string }
  readonly failure: string | undefined
}

export const MEMTABLE_BYTES = 32_768
