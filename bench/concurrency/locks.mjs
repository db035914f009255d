import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { randomSource } from '../data.mjs'
import { formatRate, timedSync } from '../measure.mjs'
import { threadTimes, timesSince } from './machine.mjs'
import { isOver, start, together } from './pair.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'
import { withSources } from './sources.mjs'

const VARIANTS = ['one thread', 'mutex', 'rw-lock', 'rw-lock, 5 % writers', 'epochs']
const SECTION_MICROSECONDS = 5
const MEASURE_MS = 1500
const WARM_UP_SECTIONS = 20_000
const BAR = { least: 1.6 }

/** Two threads that read for 5 µs at a time: behind an RwLock, in epochs, and behind one exclusive lock. */
export async function run(rounds) {
  const all = await interleaved('locks', VARIANTS, rounds)
  const rate = (variant) => spread(all, (figures) => figures[variant].rate).median
  const row = (variant, bar, against = 'mutex') => {
    const ratio = spread(all, (figures) => figures[variant].rate / figures[against].rate)
    const said = `${formatRate(rate(variant))} sections, ${against}: ${formatRate(rate(against))}`
    return verdict(`2. ${variant}, two threads`, said, all, ratio, bar)
  }
  const verdicts = [
    row('rw-lock', BAR),
    row('epochs', BAR),
    row('rw-lock, 5 % writers'),
    row('mutex', undefined, 'one thread'),
    row('epochs', undefined, 'one thread'),
  ]
  return { verdicts, all }
}

export async function measure(variant) {
  return withSources(async (sources) => {
    const { Kernel } = await import(sources)
    const kernel = Kernel.create(16 << 20, new Uint8Array(8))
    const { memory } = kernel
    // NOTE: a page of the pool is taken for the locks, so that nobody else writes there.
    const lock = kernel.page()
    const threads = variant === 'one thread' ? [0] : [0, 1]
    const spins = calibrate()
    const data = { sources, memory, lock, variant, spins }
    const results = await together(
      fileURLToPath(import.meta.url),
      threads.map((index) => ({ ...data, index })),
      MEASURE_MS,
    )
    return {
      rate: results.reduce((sum, { sections, ms }) => sum + (sections / ms) * 1000, 0),
      coreWaitShare: results.reduce((sum, { coreWaitMs, ms }) => sum + coreWaitMs / ms / results.length, 0),
    }
  })
}

/** Steps of `work` that take as long as a section. */
function calibrate() {
  const steps = 1_000_000
  work(steps)
  const times = Array.from({ length: 30 }, () => timedSync(() => work(steps)))
  // NOTE: the shortest one: it is the same in every process, whatever others do.
  return Math.round((SECTION_MICROSECONDS / 1000 / Math.min(...times)) * steps)
}

let kept = 0

/** Keeps the core busy without touching memory. */
function work(steps) {
  let x = kept
  for (let i = 0; i < steps; i++) x = (Math.imul(x ^ (x >>> 13), 0x5bd1e995) + i) | 0
  kept = x
}

async function worker({ sources, memory, lock, variant, spins, index, gate }) {
  const { Kernel, LockThread, Mutex, RwLock } = await import(sources)
  const kernel = Kernel.attach(memory)
  const { exports, slot } = kernel
  const thread = new LockThread(kernel.words, kernel.slotIndex)
  const mutex = new Mutex(thread, lock, 'journal')
  const rwLock = new RwLock(thread, lock, 'versionHistory')
  const random = randomSource(index + 1)
  const read = () => {
    rwLock.acquireRead()
    work(spins)
    rwLock.releaseRead()
  }
  const exclusive = () => {
    mutex.acquire()
    work(spins)
    mutex.release()
  }
  const section = {
    'one thread': exclusive,
    mutex: exclusive,
    'rw-lock': read,
    'rw-lock, 5 % writers'() {
      if (random() >= 0.05) return read()
      rwLock.acquireWrite()
      work(spins)
      rwLock.releaseWrite()
    },
    epochs() {
      exports.enterRead(slot)
      work(spins)
      exports.leaveRead(slot)
    },
  }[variant]
  for (let i = 0; i < WARM_UP_SECTIONS; i++) section()
  start(gate)
  const before = threadTimes()
  let sections = 0
  const ms = timedSync(() => {
    for (; !isOver(gate); sections++) section()
  })
  const { coreWaitMs } = timesSince(before)
  parentPort.postMessage({ sections, ms, coreWaitMs })
}

if (!isMainThread && workerData?.lock !== undefined) await worker(workerData)
