import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VersionHistory, type Dated } from '../../src/version/version-history.ts'
import { HistoryWorld, type Fault, type Step } from './history-world.ts'

function history(...seqnos: number[]): VersionHistory<Dated> {
  const [first, ...others] = seqnos
  const result = new VersionHistory<Dated>({ seqno: first as number })
  for (const seqno of others) result.append({ seqno })
  return result
}

function seqnos(superVersions: Iterable<Dated>): number[] {
  return [...superVersions].map(({ seqno }) => seqno)
}

describe('VersionHistory', () => {
  it.each([
    [0, 0],
    [1, 0],
    [5, 0],
    [6, 5],
    [9, 5],
    [10, 9],
    [1000, 9],
  ])('a read at %d goes through the SuperVersion of %d', (seqno, found) => {
    expect(history(0, 5, 9).getVersionForSnapshot(seqno).seqno).toBe(found)
  })

  it('refuses an S whose SuperVersion is gone, but not 0, which sees nothing', () => {
    const gone = history(3, 5)
    expect(gone.getVersionForSnapshot(0).seqno).toBe(3)
    expect(() => gone.getVersionForSnapshot(3)).toThrow('no SuperVersion is left for seqno 3')
    expect(gone.getVersionForSnapshot(4).seqno).toBe(3)
  })

  it('takes seqnos in ascending order only, and replaces like by like', () => {
    const superVersions = history(0, 5)
    for (const seqno of [4, 5]) expect(() => superVersions.append({ seqno })).toThrow(/appended/)
    expect(() => superVersions.replaceLatest({ seqno: 6 })).toThrow(/replaced/)
    expect(() => superVersions.replaceAll(({ seqno }) => ({ seqno: seqno + 1 }))).toThrow(/replaced/)
    expect(seqnos(superVersions)).toEqual([0, 5])
  })

  it('replaces the latest or all, returns what was replaced, and counts changes', () => {
    const superVersions = history(0, 5, 9)
    const [oldest, middle, latest] = [...superVersions] as [Dated, Dated, Dated]
    expect(superVersions.changes).toBe(2)
    const next = { seqno: 9 }
    expect(superVersions.replaceLatest(next)).toBe(latest)
    expect(superVersions.latest).toBe(next)
    expect(superVersions.changes).toBe(3)
    const mapped = { seqno: 0 }
    expect(superVersions.replaceAll((each) => (each === oldest ? mapped : each))).toEqual([oldest])
    expect(superVersions.changes).toBe(4)
    expect([...superVersions]).toEqual([mapped, middle, next])
    expect([...superVersions][1]).toBe(middle)
    expect(superVersions.replaceAll((each) => each)).toEqual([])
    expect(superVersions.changes).toBe(4)
  })

  it('changes nothing when a replacement fails', () => {
    const superVersions = history(0, 5)
    const before = [...superVersions]
    expect(() =>
      superVersions.replaceAll(({ seqno }) => {
        if (seqno === 5) throw new Error('no pages')
        return { seqno }
      }),
    ).toThrow('no pages')
    expect([...superVersions][0]).toBe(before[0])
    expect(() => superVersions.replaceAll(({ seqno }) => ({ seqno: seqno === 5 ? 6 : seqno }))).toThrow(
      /replaced/,
    )
    expect([...superVersions][0]).toBe(before[0])
    expect(superVersions.changes).toBe(1)
  })

  it.each<[barrier: number, snapshots: number[], kept: number[]]>([
    [100, [], [9]],
    // The barrier: what a snapshot from it on can ask for stays.
    [10, [], [9]],
    [9, [], [5, 9]],
    [6, [], [5, 9]],
    [5, [], [0, 5, 9]],
    [0, [], [0, 5, 9]],
    // A snapshot at a SuperVersion's own seqno does not see it.
    [100, [5], [0, 9]],
    [100, [6], [5, 9]],
    [100, [9], [5, 9]],
    [100, [10], [9]],
    [100, [1, 2, 3, 50], [0, 9]],
    [100, [5, 6], [0, 5, 9]],
    [9, [1], [0, 5, 9]],
  ])('gc(%d, %j) keeps %j', (barrier, snapshots, kept) => {
    const superVersions = history(0, 5, 9)
    const removed = superVersions.gc(barrier, snapshots)
    expect(seqnos(superVersions)).toEqual(kept)
    expect(seqnos(removed)).toEqual([0, 5, 9].filter((seqno) => !kept.includes(seqno)))
    expect(superVersions.changes).toBe(removed.length > 0 ? 3 : 2)
    expect(superVersions.size).toBe(kept.length)
  })

  it('gc keeps exactly what some S, registered or not below the barrier, can ask for', () => {
    const seqno = fc.integer({ min: 1, max: 30 })
    fc.assert(
      fc.property(fc.uniqueArray(seqno), seqno, fc.uniqueArray(seqno), (others, barrier, snapshots) => {
        const all = [0, ...others.sort((a, b) => a - b)]
        snapshots.sort((a, b) => a - b)
        const superVersions = history(...all)
        // The model asks the history before gc, S by S.
        const needed = new Set<number>([superVersions.latest.seqno])
        for (let s = 1; s <= 40; s++) {
          if (s >= barrier || snapshots.includes(s)) needed.add(superVersions.getVersionForSnapshot(s).seqno)
        }
        superVersions.gc(barrier, snapshots)
        expect(seqnos(superVersions)).toEqual(all.filter((each) => needed.has(each)))
      }),
    )
  })
})

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ step: fc.constant<Step['step']>('put'), at: fc.nat(3) }) },
    {
      weight: 10,
      arbitrary: fc.record({
        step: fc.constantFrom<Step['step']>(
          'clear',
          'snapshot',
          'loadSeqno',
          'release',
          'rotate',
          'beginFlush',
          'installFlush',
          'beginGc',
          'finishGc',
        ),
        at: fc.nat(10),
      }),
    },
  ),
  { minLength: 10, maxLength: 80 },
)

describe('VersionHistory under snapshots, flushes, gc and changes of structure', () => {
  it('every live S reads the state at S, and gc keeps nothing more than the rule says', () => {
    fc.assert(
      fc.property(steps, (program) => {
        const world = new HistoryWorld('none')
        for (const step of program) {
          world.run(step)
          expect(world.wrongReads()).toEqual([])
        }
        world.run({ step: 'finishGc', at: 0 })
        world.run({ step: 'beginGc', at: 0 })
        world.run({ step: 'finishGc', at: 0 })
        expect(world.wrongReads()).toEqual([])
        expect(world.unneeded()).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it.each(['gc without barrier', 'barrier not raised'] as const)(
    '%s loses what a snapshot taken in between needs (control)',
    (fault) => {
      const found = fc.check(
        fc.property(steps, (program) => {
          const world = new HistoryWorld(fault)
          return program.every((step) => {
            world.run(step)
            return world.wrongReads().length === 0
          })
        }),
        { numRuns: 2000 },
      )
      expect(found.failed).toBe(true)
    },
  )

  it('gc without the barrier: the shortest case', () => {
    const program: Step['step'][] = ['put', 'beginGc', 'snapshot', 'clear', 'finishGc']
    const reads = (fault: Fault): number[] => {
      const world = new HistoryWorld(fault)
      for (const step of program) world.run({ step, at: 0 })
      return world.wrongReads()
    }
    expect(reads('none')).toEqual([])
    expect(reads('gc without barrier')).toHaveLength(1)
  })
})
