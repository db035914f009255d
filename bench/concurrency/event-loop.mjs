import { open } from '../../dist/index.js'
import { halfCompressibleValues, randomSource, shuffledKeys } from '../data.mjs'
import { formatRate, withDirectory } from '../measure.mjs'
import { Histogram } from './histogram.mjs'
import { measured, threadTimes, timesSince } from './machine.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'

const ENTRIES = 1_000_000
const CONTROL_MS = 3000
const LOAD_MS = 8000
/** Of one request: a batch, or as many gets at once. */
const REQUEST = 100
const TICK_MS = 1
const BAR = { most: 5 }

/**
 * How late the event loop is under a sustained load of awaited batches and gets, against an idle process. Each request comes in a turn of its own, as requests of
 * clients do: a program that only awaits what is settled already gives the loop no turn, with any library.
 */
export async function run(rounds) {
  const variants = ['threads 1', 'threads 0']
  const all = await interleaved('event-loop', variants, rounds)
  const verdicts = variants.map((variant) => {
    const of = (phase, share) => spread(all, (figures) => figures[variant][phase][share]).median / 1000
    const excess = spread(all, (figures) => (figures[variant].load.p99 - figures[variant].control.p99) / 1000)
    const side = (phase) =>
      `${of(phase, 'p50').toFixed(2)} / ${of(phase, 'p99').toFixed(2)} / ${of(phase, 'highest').toFixed(0)}`
    const rate = spread(all, (figures) => figures[variant].rate).median
    const said = `p50 / p99 / longest: ${side('load')} ms at ${formatRate(rate)}, idle ${side('control')} ms`
    const bar = variant === 'threads 1' ? BAR : undefined
    return verdict(`5. delay of the event loop, p99, ${variant}`, said, all, excess, bar, 'ms')
  })
  return { verdicts, all }
}

export async function measure(variant) {
  const threads = Number(variant.at(-1))
  return withDirectory(async (directory) => {
    const keys = shuffledKeys(ENTRIES)
    const values = halfCompressibleValues(1000)
    const db = await open(directory, { threads })
    // Warms the compilers, and moves what is done in the background to its thread.
    await requests(db, keys, values, endAfter(1000))
    const control = await lateness(() => new Promise((resolve) => setTimeout(resolve, CONTROL_MS)))
    let count
    const before = threadTimes()
    const load = await lateness(async () => {
      count = await requests(db, keys, values, endAfter(LOAD_MS))
    })
    const { coreWaitMs } = timesSince(before)
    await db.close()
    return {
      control: control.figures(),
      load: load.figures(),
      rate: (count / LOAD_MS) * 1000,
      coreWaitShare: coreWaitMs / LOAD_MS,
    }
  })
}

/** Batches and gets in turn, until it is over. @returns entries written and read */
async function requests(db, keys, values, isOver) {
  const random = randomSource(3)
  const pick = () => keys[Math.floor(random() * keys.length)]
  let count = 0
  for (let request = 0; !isOver(); request++) {
    await new Promise((resolve) => setImmediate(resolve))
    if (request % 2 === 0) {
      const batch = db.batch()
      for (let i = 0; i < REQUEST; i++) batch.put(pick(), values[i])
      await batch.commit()
    } else {
      await Promise.all(Array.from({ length: REQUEST }, () => db.get(pick())))
    }
    count += REQUEST
  }
  return count
}

/**
 * How late a timer of 1 ms is while a step runs. A delay of n ms stands for all ticks that were due meanwhile, each late by what was left: one sample alone
 * would hide how much time it was.
 */
async function lateness(step) {
  const histogram = new Histogram()
  let due = performance.now() + TICK_MS
  let isOver = false
  const tick = () => {
    if (isOver) return
    const now = performance.now()
    for (let late = now - due; late > 0; late -= TICK_MS) histogram.noteMs(late)
    if (now <= due) histogram.noteMs(0)
    due = now + TICK_MS
    setTimeout(tick, TICK_MS)
  }
  setTimeout(tick, TICK_MS)
  await measured(step)
  isOver = true
  return histogram
}

function endAfter(milliseconds) {
  const end = performance.now() + milliseconds
  return () => performance.now() >= end
}
