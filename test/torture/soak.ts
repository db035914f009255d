/**
 * T15 of RELIABILITY.md: one process reads and writes, opens its database again every few seconds, and leaves snapshots and iterators to the garbage collector, beside keyspaces in which nothing
 * happens. What is in use at the end of each lap must not grow; what is on disk belongs there; when nobody asks for anything nothing happens.
 */
import { rmSync } from 'node:fs'
import { Violation } from './runner.ts'
import { MEMTABLE_BYTES, type Lap, type SoakReport, type SoakRequest } from './processes/soak-report.ts'
import { runChild } from './threads/child.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import { SMALL_LEVELS, type Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  readonly seconds: number
  readonly idleSeconds?: number
  readonly lapSeconds?: number
  readonly lapsMin?: number
  /** Seeded, for positive controls. */
  readonly patches?: readonly Patch[]
}

export interface Summary {
  readonly program: string
  readonly seed: number
  readonly seconds: number
  readonly laps: number
  readonly operations: number
  readonly writtenBytes: number
  readonly abandoned: number
  readonly rssGrowthBytes: number
  readonly heapGrowthBytes: number
  readonly rssBytes: number
  readonly mostJournalBytes: number
  /** Bytes on disk for each byte of content, at worst. */
  readonly spaceAmplification: number
  readonly idleCpuMs: number
}

/** Of a lap: there are enough to compare, and a minute is enough for one. */
const LAP_SECONDS_MAX = 60
const LAPS = 18
const LAPS_MIN = 6
const MIB = 1048576

/** @throws Violation with the command that repeats it */
export async function soak(budget: Budget): Promise<Summary> {
  const { seed, seconds, idleSeconds = 10, lapsMin = LAPS_MIN, patches = [] } = budget
  const suffix = patches.length === 0 ? '' : `-patched-${process.pid}`
  const entry = 'test/torture/processes/soak-child.ts'
  const outfile = `build/torture/processes/soak${suffix}.mjs`
  const file = await bundleWithEngine(entry, outfile, [...SMALL_LEVELS, ...patches])
  const lapSeconds = budget.lapSeconds ?? Math.min(LAP_SECONDS_MAX, Math.max(0.5, seconds / LAPS))
  const request: Omit<SoakRequest, 'directory'> = { seed, seconds, lapSeconds, lapsMin, idleSeconds }
  const limitMs = (3 * seconds + idleSeconds + 120) * 1000
  const { report, failure } = await runChild<SoakReport>(file, request, limitMs, { flags: ['--expose-gc'] })
  if (patches.length > 0) rmSync(file)
  const problem = failure ?? problemOf(report, seconds / 3600)
  if (report === undefined || problem !== undefined) {
    const repeat = `node test/torture/run.mjs soak --seed ${seed} --seconds ${seconds}`
    throw new Violation(`${problem}\n  again: ${repeat}`)
  }
  const { laps, abandoned, idle } = report
  return {
    program: 'soak',
    seed,
    seconds,
    laps: laps.length,
    operations: sum(laps, ({ operations }) => operations),
    writtenBytes: sum(laps, ({ writtenBytes }) => writtenBytes),
    abandoned,
    rssGrowthBytes: growth(laps, (lap) => lap.rssBytes),
    heapGrowthBytes: growth(laps, (lap) => lap.heapBytes),
    rssBytes: laps.at(-1)?.rssBytes ?? 0,
    mostJournalBytes: most(laps, ({ mostJournalBytes }) => mostJournalBytes),
    spaceAmplification: most(laps, ({ diskBytes, logicalBytes }) => diskBytes / logicalBytes),
    idleCpuMs: idle.cpuMs,
  }
}

/** What a run may grow by, and an hour. The host's allocator, and the stacks and heaps of threads, take a while to find their sizes. */
const RSS_NOISE_BYTES = 64 * MIB
const HEAP_NOISE_BYTES = 4 * MIB
const HOUR_BYTES = MIB
/** Records are given out of pages that stay, so how many there were at once may show in some pages more. */
const SPARE_PAGES = 8
const SPACE_AMPLIFICATION = 2.5
/** A journal is left at four memtables; with more than four of them the keyspaces that hold them back are flushed, and with eight before anything else. */
const JOURNAL_BYTES = 10 * 4 * MEMTABLE_BYTES
/** Of the time, and for having looked. */
const IDLE_CPU = 0.01
const IDLE_CPU_MS = 10

/** What is not as it should be. */
export function problemOf({ laps, idle, failure }: SoakReport, hours: number): string | undefined {
  if (failure !== undefined) return failure
  const warm = laps.slice(Math.ceil(laps.length / 3))
  const [first] = warm
  for (const [number, lap] of laps.entries()) {
    const inLap = `in lap ${number + 1} of ${laps.length}`
    if (lap.diskBytes > lap.logicalBytes * SPACE_AMPLIFICATION)
      return `${lap.diskBytes} B on disk for ${lap.logicalBytes} B, ${inLap}`
    if (lap.mostJournalBytes > JOURNAL_BYTES) return `${lap.mostJournalBytes} B of journals ${inLap}`
  }
  if (first === undefined || warm.length < 3) return `there were ${laps.length} laps only`
  for (const lap of warm) {
    if (lap.madePages !== first.madePages)
      return `memories of ${lap.madePages} pages were made, and of ${first.madePages} at first`
    if (lap.usedPages > first.usedPages + SPARE_PAGES)
      return `${lap.usedPages} pages are in use, and ${first.usedPages} were at first`
    if ((lap.descriptors ?? 0) > (first.descriptors ?? 0))
      return `${lap.descriptors} descriptors are open after close, and ${first.descriptors} were at first`
  }
  const grown = [
    ['the heap', HEAP_NOISE_BYTES, ({ heapBytes }: Lap) => heapBytes],
    ['the process', RSS_NOISE_BYTES, ({ rssBytes }: Lap) => rssBytes],
  ] as const
  for (const [what, noiseBytes, of] of grown) {
    if (growth(laps, of) <= noiseBytes + hours * HOUR_BYTES) continue
    return `${what} grew by ${growth(laps, of)} B: ${laps.map((lap) => (of(lap) / MIB).toFixed(1)).join(' ')} MiB`
  }
  if (idle.changes !== '') return `idle, and written to: ${idle.changes}`
  if (idle.cpuMs > idle.seconds * 1000 * IDLE_CPU + IDLE_CPU_MS)
    return `idle, it burnt ${idle.cpuMs} ms in ${idle.seconds} s`
  return undefined
}

/** From the middle third of the laps to the last one. */
function growth(laps: readonly Lap[], of: (lap: Lap) => number): number {
  const third = Math.ceil(laps.length / 3)
  return median(laps.slice(-third).map(of)) - median(laps.slice(third, 2 * third).map(of))
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >>> 1] ?? 0
}

function sum(laps: readonly Lap[], of: (lap: Lap) => number): number {
  return laps.reduce((total, lap) => total + of(lap), 0)
}

function most(laps: readonly Lap[], of: (lap: Lap) => number): number {
  return Math.max(...laps.map(of))
}
