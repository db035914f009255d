/** Something that a salvage found damaged or did not find. */
export interface Loss {
  /** Its name as it was; the file itself lies in `keptIn`, if it was there. */
  readonly file: string
  readonly offset: number
  /** Bytes that could not be read; 0 where it is not about bytes. */
  readonly bytes: number
  readonly reason: string
  /** Entries of the file that are lost, where that is known. */
  readonly entries?: number
}

/** What a salvage did: the database that is open now was made from what could be read. */
export interface SalvageReport {
  /** The directory, in the database's own, where every file lies as it was. */
  readonly keptIn: string
  readonly losses: readonly Loss[]
  /** Entries, deletions among them, that were taken from damaged files. */
  readonly recoveredEntries: number
  /**
   * Whether entries that were deleted may be back, and older values in the place of newer ones: where a newer entry was lost, or the list of the tables that count
   * was.
   */
  readonly mayBeOld: boolean
}
