const IN_FLIGHT = 1000

/** Takes `count` steps that give promises; so many are under way until all of them are awaited. */
export async function inFlight(count, step) {
  for (let i = 0; i < count;) {
    const calls = []
    for (const end = Math.min(count, i + IN_FLIGHT); i < end; i++) calls.push(step(i))
    await Promise.all(calls)
  }
}
