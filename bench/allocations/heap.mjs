/** Operations that are measured, and as many before, for the compilers. */
export const OPERATIONS = 1_000_000
/** Synchronous operations between two collections: what these allocate stays below the semi-space. */
const PIECE = OPERATIONS / 10
const PASSES = 3

/** Bytes on the JavaScript heap and in array buffers that an operation allocates: the smallest of three passes, because anything else that allocates only adds. */
export function bytesPerOperation(operation) {
  // NOTE: warm means that the rare work (a flush every 30,000 puts) is compiled too.
  for (let i = 0; i < OPERATIONS; i++) operation(i)
  let least = Infinity
  for (let pass = 0; pass < PASSES; pass++) {
    let bytes = 0
    for (let start = 0; start < OPERATIONS; start += PIECE) {
      collect()
      const before = allocated()
      for (let i = start; i < start + PIECE; i++) operation(i)
      bytes += allocated() - before
    }
    least = Math.min(least, bytes / OPERATIONS)
  }
  return least
}

/** The same of pieces of work that may await something. `pieceOf(from, to)` does the operations from … to. */
export async function bytesPerAsyncOperation(pieceOf, operations, piece) {
  const inPieces = async (around) => {
    for (let from = 0; from < operations; from += piece) await around(() => pieceOf(from, from + piece))
  }
  await inPieces((work) => work())
  let least = Infinity
  for (let pass = 0; pass < PASSES; pass++) {
    let bytes = 0
    await inPieces(async (work) => {
      collect()
      const before = allocated()
      await work()
      bytes += allocated() - before
    })
    least = Math.min(least, bytes / operations)
  }
  return least
}

function allocated() {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function collect() {
  // NOTE: twice: array buffers of what was before are freed in the background, the second collection waits for that.
  globalThis.gc()
  globalThis.gc()
}
