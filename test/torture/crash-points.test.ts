/**
 * T01 and T01b in small: see crash-points.ts. More of it: node test/torture/run.mjs crash-points --seconds 600.
 * The positive controls below prove that the checker would notice.
 */
import { describe, expect, it } from 'vitest'
import type { FaultyFileSystem } from '../support/faulty.ts'
import { misled, type Mischief } from './controls.ts'
import { crashEverywhere, crashPoints } from './crash-points.ts'
import type { Image } from './images.ts'
import type { Step } from './workload.ts'

const seconds = Number(process.env['VARVE_TORTURE_SECONDS'] ?? 40)
const seed = Number(process.env['VARVE_SEED'] ?? 1)

describe('crash-points', () => {
  it('finds nothing', { timeout: (seconds + 120) * 1000 }, async () => {
    const summary = await crashPoints({ seed, seconds, steps: 40, atLeast: 5 })
    console.log(JSON.stringify(summary))
    expect(summary.images).toBeGreaterThanOrEqual(1000)
    expect(summary.doubleCrashes).toBeGreaterThan(50)
  })
})

describe('a second crash', () => {
  // Small enough for every image to crash again at every operation of its recovery.
  it('at any operation after a first at any operation', { timeout: 180_000 }, async () => {
    const steps: Step[] = [
      {
        do: 'batch',
        writes: [{ keyspace: '', key: 'k1', valueBytes: 9 }],
        form: 'batch',
        sync: true,
        durability: 'os',
      },
      { do: 'reopen' },
      { do: 'write', write: { keyspace: '', key: 'k2', valueBytes: 9 }, sync: true, durability: 'os' },
    ]
    const workload = { setting: { durability: 'os', memtableSize: 4096 }, steps } as const
    // What was synced when the process died is as if the power had gone: those images have been second crashes enough.
    const unsynced = ({ crash, kind }: Image): boolean =>
      crash === 'kill' && (kind === 'sync' || kind === 'end')
    await crashEverywhere(workload, seed, undefined, undefined, unsynced)
  })
})

describe('crash-points notices', () => {
  const controls: Record<string, () => Mischief> = {
    'syncs of the journal that never happen': () => ({
      sync: (file, go) => (file.name.endsWith('.wal') ? undefined : go()),
    }),
    'syncs of tables that never happen': () => ({
      sync: (file, go) => (file.name.endsWith('.sst') ? undefined : go()),
    }),
    'syncs of the manifest that never happen': () => ({
      sync: (file, go) => (file.name.endsWith('.man') ? undefined : go()),
    }),
    'syncs of the directory that never happen': () => ({ syncDirectory: () => {} }),
    'one write to the journal that is lost': () => {
      let writes = 0
      return {
        write: (file, _, __, ___, ____, go) => {
          if (!file.name.endsWith('.wal') || ++writes !== 5) go()
        },
      }
    },
    'a bit of the journal that flips on its way': () => {
      let writes = 0
      return {
        write: (file, source, start, length, position, go) => {
          if (!file.name.endsWith('.wal') || ++writes !== 5) return go()
          const copy = source.slice(start, start + length)
          copy[length >>> 1] = (copy[length >>> 1] ?? 0) ^ 4
          file.write(copy, 0, length, position)
        },
      }
    },
    'writes of tables that come too late': () => {
      // The last write to a table lands at the next sync of another file.
      let late: (() => void) | undefined
      return {
        write: (file, source, start, length, position, go) => {
          if (!file.name.endsWith('.sst')) return go()
          late?.()
          const copy = source.slice(start, start + length)
          late = () => file.write(copy, 0, length, position)
        },
        sync: (file, go) => {
          if (!file.name.endsWith('.sst')) {
            late?.()
            late = undefined
          }
          go()
        },
      }
    },
  }
  it('nothing on an honest disk behind the same driver', { timeout: 120_000 }, async () => {
    await crashPoints({ seed: 10, seconds: 60, workloads: 1, steps: 10, disk: (files) => misled(files, {}) })
  })

  for (const [name, mischief] of Object.entries(controls)) {
    it(name, { timeout: 120_000 }, async () => {
      const disk = (files: FaultyFileSystem): FaultyFileSystem => misled(files, mischief())
      await expect(
        crashPoints({ seed: 10, seconds: 20, workloads: 5, steps: 16, disk, shorten: false }),
      ).rejects.toThrow(/does not open|wrong contents|without a crash|gone after/)
    })
  }
})
