/** What was done to a keyspace's tables since the database was opened. */
export class TreeCounters {
  flushes = 0
  /** Bytes of the tables that flushes wrote. */
  flushedBytes = 0
  compactions = 0
  compactionReadBytes = 0
  compactionWrittenBytes = 0
  /** Tables that went to a lower level as they were. */
  movedTables = 0
}

/** Writes that had to wait for a flush or a compaction, or to do one themselves, since the database was opened. */
export class StallCounters {
  count = 0
  ms = 0

  add(ms: number): void {
    this.count++
    this.ms += ms
  }
}
