import { describe, expect, it, vi } from 'vitest'
import { VarveError } from '../../src/errors.ts'
import type { Kernel } from '../../src/kernel/kernel.ts'
import { mulberry32, pick } from '../support/random.ts'
import {
  buildLog,
  damagedSources,
  expectedVerdict,
  type Damage,
  type Expected,
  type JournalFacts,
  type Step,
} from './small-log.ts'
import { bootA, bootB, digest, recover, testKernel, unknownBoot } from './support.ts'

vi.setConfig({ testTimeout: 120_000 })

const boots = { same: bootA, other: bootB, unknown: unknownBoot }
type Boot = keyof typeof boots

const logs: Record<string, readonly Step[]> = {
  'synced everywhere': [
    { put: 20 },
    { put: 12 },
    'sync',
    { put: 40 },
    'rotate',
    { put: 12, count: 1 },
    'sync',
    { put: 50, count: 4 },
    { put: 13 },
    'rotate',
    { put: 24, count: 2 },
    'sync',
    { put: 16 },
    { put: 31 },
  ],
  'synced, last frame not told': [
    { put: 20 },
    { put: 12 },
    'sync',
    'rotate',
    { put: 30 },
    { put: 40 },
    'sync',
  ],
  'never synced': [
    { put: 20 },
    { put: 33 },
    'rotate',
    { put: 12 },
    { put: 14 },
    'rotate',
    { put: 25 },
    { put: 12 },
  ],
  'sealed, with stale writes above': [
    { put: 20 },
    { put: 12 },
    'sync',
    { put: 40 },
    'rotate-sealed',
    'stale-writes',
    { put: 12 },
    { put: 30 },
    'rotate-sealed',
    { put: 14 },
    { put: 14 },
  ],
  'with gaps and held frames': [
    { put: 20 },
    { fail: 10 },
    { fail: 0 },
    { put: 12, hold: true },
    { put: 40 },
    { fail: 60 },
    'rotate',
    { put: 12, hold: true },
    { put: 13, hold: true },
    { fail: 70 },
    { put: 15 },
  ],
  'just rotated': [{ put: 20 }, 'sync', { put: 12 }, 'rotate'],
  'file just created': [{ put: 20 }, { put: 12 }, 'rotate', { put: 33 }, 'create-only'],
  'nothing but headers': ['rotate', 'rotate'],
}

/** What came out, in the oracle's words. */
function outcome(kernel: Kernel, log: readonly JournalFacts[], damage: Damage, boot: Boot): unknown {
  const sources = damagedSources(log, damage)
  const reading = recover(kernel, sources, boots[boot])
  const indexOf = (file: string | undefined): number => sources.findIndex(({ name }) => name === file)
  if (reading instanceof VarveError) {
    return { verdict: reading.code, journal: indexOf(reading.file), offset: reading.offset }
  }
  const applied = log.map(({ id }) => reading.frames.filter(({ journal }) => journal === id).length)
  // Whatever was applied is what was written, in that order.
  const written = log.flatMap(({ frames }, index) => frames.slice(0, applied[index]))
  for (const [index, { offset, kind, baseSeqno, count, syncedOffset, payload }] of reading.frames.entries()) {
    const fact = written[index]
    const same =
      fact?.offset === offset &&
      fact.kind === kind &&
      fact.baseSeqno === baseSeqno &&
      fact.count === count &&
      fact.syncedOffset === syncedOffset &&
      fact.digest === digest(payload)
    if (!same) return { verdict: 'a wrong frame', offset }
  }
  const { cut } = reading.end
  return {
    verdict: 'open',
    applied,
    cut: cut && {
      journal: indexOf(cut.droppedFrom.file),
      offset: cut.droppedFrom.offset,
      droppedBytes: cut.droppedBytes,
    },
  }
}

/** Cheap comparison; the slow one only to print. */
function check(kernel: Kernel, log: readonly JournalFacts[], damage: Damage, boot: Boot, tally: Tally): void {
  const expected = expectedVerdict(log, damage, boot)
  const actual = outcome(kernel, log, damage, boot)
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    expect({ damage, boot, actual }).toEqual({ damage, boot, actual: expected })
  }
  count(tally, log, expected)
}

interface Tally {
  corrupt: number
  cut: number
  whole: number
  unnoticed: number
}

function count(tally: Tally, log: readonly JournalFacts[], expected: Expected): void {
  if (expected.verdict === 'CORRUPT') tally.corrupt++
  else if (expected.cut !== undefined) tally.cut++
  else if (expected.applied.every((n, index) => n === log[index]?.frames.length)) tally.whole++
  else tally.unnoticed++
}

describe.each(Object.entries(logs))('%s', (name, steps) => {
  const kernel = testKernel()
  const log = buildLog(kernel, steps)

  it.each(['same', 'other', 'unknown'] as const)('is read whole when undamaged (%s boot)', (boot) => {
    const tally = { corrupt: 0, cut: 0, whole: 0, unnoticed: 0 }
    check(kernel, log, { kind: 'none' }, boot, tally)
    expect(tally.whole).toBe(1)
  })

  it.each(['same', 'other', 'unknown'] as const)('cut at every length (%s boot)', (boot) => {
    const tally = { corrupt: 0, cut: 0, whole: 0, unnoticed: 0 }
    for (const [journal, { bytes }] of log.entries()) {
      for (let length = 0; length < bytes.byteLength; length++) {
        check(kernel, log, { kind: 'cut', journal, length }, boot, tally)
      }
    }
    if (name === 'synced everywhere') expect(tally.corrupt).toBeGreaterThan(400)
    if (name === 'never synced') expect(tally.cut).toBeGreaterThan(boot === 'same' ? 100 : 500)
    // NOTE: a last journal that lost whole frames, unsynced ones, looks like one that never had them.
    const last = log.findLast(({ bytes }) => bytes.byteLength > 0)
    expect(tally.unnoticed).toBeLessThanOrEqual(128 + (last?.frames.length ?? 0))
  })

  it.each(['same', 'other', 'unknown'] as const)('changed at every byte (%s boot)', (boot) => {
    const tally = { corrupt: 0, cut: 0, whole: 0, unnoticed: 0 }
    const random = mulberry32(name.length)
    const allBits = name === 'synced everywhere' || name === 'never synced'
    for (const [journal, { bytes }] of log.entries()) {
      for (let at = 0; at < bytes.byteLength; at++) {
        const masks = allBits
          ? [1, 2, 4, 8, 16, 32, 64, 128, 1 + pick(random, 255)]
          : [1 << pick(random, 8), 1 + pick(random, 255)]
        for (const mask of masks) check(kernel, log, { kind: 'change', journal, at, mask }, boot, tally)
      }
    }
    // Nothing is lost without a word, and only what lies above a seal may be ignored.
    const above = log.reduce((sum, { bytes, seal }) => sum + (seal ? bytes.byteLength - seal.length : 0), 0)
    expect(tally.unnoticed).toBe(0)
    expect(tally.whole).toBe(above * (allBits ? 9 : 2))
    if (boot === 'same') expect(tally.cut).toBeLessThan(16 * 9 * log.length)
  })
})
