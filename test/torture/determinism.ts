/**
 * T21 of RELIABILITY.md: what a database writes depends on nothing but what it is told, random bytes and the time. With these given, the same
 * workload leaves the same bytes in every file, in processes that are different in all that should not matter. On one thread: two take turns as they like.
 */
import { tmpdir } from 'node:os'
import type { Report, Request } from './determinism-child.ts'
import { Violation } from './runner.ts'
import { runChild, type Surroundings } from './threads/child.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  /** No workload is begun after this time, */
  readonly seconds: number
  /** nor after so many. */
  readonly workloads?: number
  readonly steps?: number
  /** Changes in the engine; positive controls make it depend on something. */
  readonly patches?: readonly Patch[]
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  workloads: number
  processes: number
  /** Files compared, each once for every process. */
  files: number
}

interface Circumstances extends Surroundings {
  readonly name: string
  readonly files: Request['files']
  readonly listsBackwards: boolean
}

const plain: Circumstances = { name: 'plain', files: 'simulated', listsBackwards: false }

/** The first one is what the others are compared with. */
const circumstances: readonly Circumstances[] = [
  plain,
  { ...plain, name: 'once more' },
  {
    ...plain,
    name: 'elsewhere',
    listsBackwards: true,
    environment: { TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
    workingDirectory: tmpdir(),
    flags: ['--hash-seed=77', '--random-seed=77'],
  },
  {
    ...plain,
    name: 'on real files',
    files: 'of Node.js',
    environment: { TZ: 'America/St_Johns', LANG: 'C' },
    flags: ['--hash-seed=5', '--liftoff-only'],
  },
]

const slowestMs = 60_000

/** Workload after workload, from `seed` on. @throws Violation with the command that repeats it */
export async function determinism(budget: Budget): Promise<Summary> {
  const began = performance.now()
  const { seed, seconds, workloads = Infinity, steps = 300, patches = [] } = budget
  const file = await bundleWithEngine(
    'test/torture/determinism-child.ts',
    `build/torture/determinism-child${patches.length === 0 ? '' : '-patched'}.mjs`,
    patches,
  )
  const summary: Summary = {
    program: 'determinism',
    seed,
    seconds: 0,
    workloads: 0,
    processes: 0,
    files: 0,
  }
  while (summary.workloads < workloads && performance.now() - began < seconds * 1000) {
    const current = seed + summary.workloads
    let expected: Report | undefined
    for (const each of circumstances) {
      const request: Request = {
        seed: current,
        steps,
        setting: summary.workloads,
        files: each.files,
        listsBackwards: each.listsBackwards,
      }
      const { report, failure } = await runChild<Report>(file, request, slowestMs, each)
      const difference = failure ?? differenceOf(expected ?? report, report)
      if (difference !== undefined) {
        throw new Violation(
          `${each.name}: ${difference}\n  setting ${summary.workloads}, steps of seed ${current}` +
            `\n  again: node test/torture/run.mjs determinism --seed ${seed} --steps ${steps} --workloads ${summary.workloads + 1}`,
        )
      }
      expected ??= report
      summary.processes++
      summary.files += Object.keys(report ?? {}).length
    }
    summary.workloads++
  }
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

/** What is not the same, in words; undefined if all is. */
function differenceOf(expected: Report = {}, found: Report = {}): string | undefined {
  const names = new Set([...Object.keys(expected), ...Object.keys(found)])
  if (names.size === 0) return 'no files were left'
  const different = [...names].filter((name) => expected[name] !== found[name])
  if (different.length === 0) return undefined
  return different
    .map((name) => {
      const how =
        expected[name] === undefined ? 'is new' : found[name] === undefined ? 'is missing' : 'differs'
      return `${name} ${how}`
    })
    .join(', ')
}
