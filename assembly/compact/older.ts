import { loadU32 } from '../memory/bytes'
import { compareSmallest, firstReaching, runEnd, tableWord, versionRuns } from '../read/version-tables'

/** Whether a table that a Version record names has a key range with that user key in it. */
export function mayHold(version: u32, key: u32, keyLength: u32): bool {
  if (version == 0) return false
  const runs = versionRuns(version)
  let start: u32 = 0
  for (let run: u32 = 0; run < runs; run++) {
    const end = runEnd(version, run)
    const tables = tableWord(version, start)
    const at = firstReaching(tables, end - start, key, keyLength)
    if (at < end - start && compareSmallest(loadU32(tables + 4 * at), key, keyLength) <= 0) return true
    start = end
  }
  return false
}
