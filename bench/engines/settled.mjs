/** Waits until a database of varve's has nothing left to compact. */
export async function settled(db) {
  for (let calm = 0; calm < 5;) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    calm = bytesToCompact(db) === 0 ? calm + 1 : 0
  }
}

/** Bytes of the levels that need a compaction. */
export function bytesToCompact(db) {
  return db
    .stats()
    .keyspaces.flatMap(({ levels }) => levels)
    .reduce((sum, { score, bytes }) => (score < 1 ? sum : sum + bytes), 0)
}
