/** What an engine with string keys does per put: builds an internal key from a JavaScript string and keeps such keys sorted. */
export function stringKeyedTwin() {
  const sorted = []
  const values = new Map()
  let seqno = 0
  const place = (internal) => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle] < internal) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    put(key, value) {
      seqno++
      const internal = `${key.toString('latin1')}\0${(Number.MAX_SAFE_INTEGER - seqno).toString(16).padStart(14, '0')}`
      // NOTE: a bounded window keeps the twin's insertion cheap; only what it allocates is of interest.
      if (sorted.length >= 1024) values.delete(sorted.pop())
      sorted.splice(place(internal), 0, internal)
      values.set(internal, Buffer.from(value))
    },
  }
}
