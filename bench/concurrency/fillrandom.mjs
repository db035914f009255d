import { open } from '../../dist/index.js'
import { halfCompressibleValues, shuffledKeys } from '../data.mjs'
import { formatRate, timed, withDirectory } from '../measure.mjs'
import { Histogram } from './histogram.mjs'
import { measured, threadTimes, timesSince } from './machine.mjs'
import { interleaved, spread, verdict } from './rounds.mjs'

const ENTRIES = Number(process.env.VARVE_BENCH_ENTRIES ?? 1_000_000)
const VALUES = 10_000
const IN_FLIGHT = 1000
const BAR = { least: 1.5 }

/** 1,000,000 entries in random order, durability as it is by default: with a background thread against without one. */
export async function run(rounds) {
  const forms = Object.keys(FORMS)
  const variants = forms.flatMap((form) => [`${form}:0`, `${form}:1`])
  const all = await interleaved('fillrandom', variants, rounds)
  const rate = (form, threads) => spread(all, (figures) => figures[`${form}:${threads}`].rate)
  const verdicts = []
  for (const form of forms.filter((each) => each !== 'latency')) {
    const ratioOf = (figure) =>
      spread(all, (figures) => figures[`${form}:1`][figure] / figures[`${form}:0`][figure])
    const ran = (threads) => spread(all, (figures) => figures[`${form}:${threads}`].ranMs).median.toFixed(0)
    const rates = `${formatRate(rate(form, 1).median)} with a thread, ${formatRate(rate(form, 0).median)} without`
    const own = `the writing thread ran for ${ran(1)} / ${ran(0)} ms`
    verdicts.push(
      verdict(`3. fillrandom, ${NAMES[form]}`, `${rates}; ${own}`, all, ratioOf('rate'), BAR),
      verdict(`· less its waits for a core`, '', all, ratioOf('rateOnCore')),
    )
  }
  for (const share of ['p50', 'p999']) {
    const of = (threads) => spread(all, (figures) => figures[`latency:${threads}`][share])
    const ratio = spread(all, (figures) => figures['latency:1'][share] / figures['latency:0'][share])
    const said = `threads 1: ${of(1).median.toFixed(1)} µs, 0: ${of(0).median.toFixed(1)} µs; longest ${highest(all, 1)} / ${highest(all, 0)} ms`
    verdicts.push(verdict(`3. putSync, ${share === 'p50' ? 'p50' : 'p99.9'} of latency`, said, all, ratio))
  }
  return { verdicts, all }
}

function highest(all, threads) {
  return (spread(all, (figures) => figures[`latency:${threads}`].highest).median / 1000).toFixed(0)
}

const NAMES = {
  flight: '1,000 put() in flight',
  batches: 'batches of 1,000',
  single: 'putSync',
}

const FORMS = {
  async flight(db, keys, values) {
    for (let i = 0; i < keys.length;) {
      let last
      for (const end = i + IN_FLIGHT; i < end; i++) last = db.put(keys[i], values[i % VALUES])
      await last
    }
  },
  async batches(db, keys, values) {
    for (let i = 0; i < keys.length;) {
      const batch = db.batch()
      for (const end = i + IN_FLIGHT; i < end; i++) batch.put(keys[i], values[i % VALUES])
      await batch.commit()
    }
  },
  single(db, keys, values) {
    for (let i = 0; i < keys.length; i++) db.putSync(keys[i], values[i % VALUES])
  },
  latency(db, keys, values, histogram) {
    let before = performance.now()
    for (let i = 0; i < keys.length; i++) {
      db.putSync(keys[i], values[i % VALUES])
      const after = performance.now()
      histogram.noteMs(after - before)
      before = after
    }
  },
}

/** `variant`: form and background threads. */
export async function measure(variant) {
  const [form, threads] = variant.split(':')
  const keys = shuffledKeys(ENTRIES)
  const values = halfCompressibleValues(VALUES)
  const histogram = new Histogram()
  return withDirectory(async (directory) => {
    await warmUp(`${directory}-warm`, form, Number(threads), keys, values)
    const db = await open(directory, { threads: Number(threads) })
    let stallMs = 0
    db.on('stall', ({ ms }) => (stallMs += ms))
    const before = threadTimes()
    const ms = await measured(() => timed(() => FORMS[form](db, keys, values, histogram)))
    const { ranMs, coreWaitMs } = timesSince(before)
    await db.close()
    return {
      rate: (ENTRIES / ms) * 1000,
      // NOTE: what waits for the background thread's turn on a core stays in.
      rateOnCore: (ENTRIES / (ms - coreWaitMs)) * 1000,
      ranMs,
      stallMs,
      ...histogram.figures(),
    }
  })
}

/** Compilers and threads: a tenth of the load, into a database of its own. */
async function warmUp(directory, form, threads, keys, values) {
  const db = await open(directory, { threads })
  await FORMS[form](db, keys.slice(0, ENTRIES / 10), values, new Histogram())
  await db.flush()
  await db.close()
}
