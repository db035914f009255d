/** Leaves out steps of what fails, many at a time and then fewer, as long as it still fails. */

/**
 * @param failureOf what is wrong with a list of steps, undefined: nothing
 * @returns the fewest steps found, and what is wrong with them
 */
export async function shorten<T, F>(
  steps: readonly T[],
  failure: F,
  failureOf: (fewer: readonly T[]) => Promise<F | undefined>,
  timeMs = 45_000,
): Promise<{ readonly steps: readonly T[]; readonly failure: F }> {
  const deadline = performance.now() + timeMs
  let best = { steps, failure }
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.steps.length && performance.now() < deadline;) {
      const fewer = best.steps.toSpliced(at, size)
      const found = await failureOf(fewer)
      if (found === undefined) at += size
      else best = { steps: fewer, failure: found }
    }
  }
  return best
}
