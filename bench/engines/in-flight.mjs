const IN_FLIGHT = 1000
const IN_FLIGHT_BYTES = 32 << 20

/** How many writes of such values are under way at once. */
export function inFlightOf(values) {
  return Math.max(1, Math.min(IN_FLIGHT, Math.floor(IN_FLIGHT_BYTES / values[0].length)))
}

/** Takes `count` steps that give promises; `most` are under way until all of them are awaited. */
export async function inFlight(count, step, most = IN_FLIGHT) {
  for (let i = 0; i < count;) {
    const calls = []
    for (const end = Math.min(count, i + most); i < end; i++) calls.push(step(i))
    await Promise.all(calls)
  }
}

/** The same where writes are acknowledged in their order: the last one of those under way stands for all. */
export async function inFlightInOrder(count, step, most = IN_FLIGHT) {
  for (let i = 0; i < count;) {
    let last
    for (const end = Math.min(count, i + most); i < end; i++) last = step(i)
    await last
  }
}

/** Takes `count` steps, so many a turn of the event loop, and awaits the last one only: as many are under way as come together. */
export async function unbounded(count, step) {
  let last
  for (let i = 0; i < count; i++) {
    last = step(i)
    if (i % IN_FLIGHT === IN_FLIGHT - 1) await new Promise((resolve) => setImmediate(resolve))
  }
  await last
}
