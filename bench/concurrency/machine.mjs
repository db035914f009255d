import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

/** Others may have this part of a core before what was measured counts as disturbed. */
export const DISTURBED_FROM_CORES = 0.2
const LOOK_MS = 250
const PATIENCE_MS = 1000 * Number(process.env.VARVE_BENCH_PATIENCE ?? 15)

let othersMs = 0
let wallMs = 0

/** Takes a step that is measured, and notes how much of the cores others had meanwhile. */
export async function measured(step) {
  const wallStart = performance.now()
  const busyStart = busyMs()
  const ownStart = ownMs()
  const result = await step()
  othersMs += busyMs() - busyStart - (ownMs() - ownStart)
  wallMs += performance.now() - wallStart
  return result
}

/** Time of the cores that a process of ours had meanwhile, and that is no disturbance. */
export function noteOwn(ms) {
  othersMs -= ms
}

/** How many cores others had while something was measured. */
export function othersCores() {
  return wallMs === 0 ? 0 : Math.max(0, othersMs / wallMs)
}

/** Milliseconds of processor time of this process so far. */
export function ownMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/**
 * Of this thread: milliseconds for which it ran, and for which it was ready to but had no core, because others had them. Zeros where the host does not tell.
 */
export function threadTimes() {
  try {
    const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
    return { ranMs: Number(ran) / 1e6, coreWaitMs: Number(waited) / 1e6 }
  } catch {
    return { ranMs: 0, coreWaitMs: 0 }
  }
}

/** What a thread did since. */
export function timesSince({ ranMs, coreWaitMs }) {
  const now = threadTimes()
  return { ranMs: now.ranMs - ranMs, coreWaitMs: now.coreWaitMs - coreWaitMs }
}

/** Waits for others to leave the cores alone, but not for ever: what is measured then is marked. */
export async function waitForCalm() {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline;) {
    const busyStart = busyMs()
    const ownStart = ownMs()
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    if (busyMs() - busyStart - (ownMs() - ownStart) < (LOOK_MS * DISTURBED_FROM_CORES) / 2) return
  }
}

/** Milliseconds for which all cores together have worked since the machine was started. */
function busyMs() {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}
