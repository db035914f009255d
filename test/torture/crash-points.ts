/**
 * T01 and T01b of RELIABILITY.md: a random workload runs once; right before every operation that changes the disk, images are taken
 * of what a crash there may leave; each is opened, compared with the model, written to, opened again. Some images
 * crash a second time, at every operation of their recovery.
 */
import { VarveError } from '../../src/errors.ts'
import type { Model } from '../model.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32 } from '../support/random.ts'
import { Camera, type Image, describe, develop } from './images.ts'
import { ImpossibleStep, Run, Violation } from './runner.ts'
import { shorten } from './shorten.ts'
import { goOn, recover, verify } from './verify.ts'
import { type Setting, type Step, type Workload, makeWorkload, settings } from './workload.ts'

export interface Budget {
  readonly seed: number
  /** No workload is begun after this time, */
  readonly seconds: number
  /** unless there were fewer than this: one for each setting, as a rule. */
  readonly atLeast?: number
  /** Nor after so many, if given. */
  readonly workloads?: number
  /** Steps of a workload, on average. */
  readonly steps?: number
  /** Makes the disk that the database under test sees; positive controls put a broken one between. */
  readonly disk?: (files: FaultyFileSystem) => FaultyFileSystem
  /** Whether to look for fewer steps that fail as well. Default true. */
  readonly shorten?: boolean
  /** One in so many images crashes again during its recovery. */
  readonly secondCrashEvery?: number
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  workloads: number
  /** Operations of the file system before which images were taken. */
  operations: number
  images: number
  /** Images of a second crash, during the recovery of another image. */
  doubleCrashes: number
  byPolicy: Record<string, number>
}

const defaultSecondCrashEvery = 599

/** The setting and the steps that belong to a seed. */
export function workloadOf(seed: number, steps = 60): Workload {
  const random = mulberry32(seed)
  const setting = settings[seed % settings.length] ?? { durability: 'os', memtableSize: 4096 }
  return makeWorkload(random, setting, Math.ceil(steps * (0.5 + random())))
}

/** Workload after workload, from `seed` on. @throws Violation with the command that repeats it */
export async function crashPoints(budget: Budget): Promise<Summary> {
  const began = Date.now()
  const { seed, seconds, atLeast = 1, workloads = Infinity, steps = 60 } = budget
  const inTime = (): boolean => Date.now() - began < seconds * 1000
  const summary: Summary = {
    program: 'crash-points',
    seed,
    seconds: 0,
    workloads: 0,
    operations: 0,
    images: 0,
    doubleCrashes: 0,
    byPolicy: {},
  }
  while (summary.workloads < workloads && (summary.workloads < atLeast || inTime())) {
    const current = seed + summary.workloads
    const workload = workloadOf(current, steps)
    try {
      await crashEverywhere(workload, current, summary, budget.disk, oneIn(budget.secondCrashEvery, current))
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      if (budget.shorten === false) throw error
      const shortest = await fewest(workload, error, current, budget.disk)
      throw new Violation(
        `${shortest.failure}\n  setting ${JSON.stringify(workload.setting)}\n  steps:\n` +
          shortest.steps.map((step, i) => `  ${i}. ${JSON.stringify(step)}`).join('\n') +
          `\n  the whole workload: node test/torture/run.mjs crash-points --seed ${current} --steps ${steps} --workloads 1`,
        { cause: error },
      )
    }
    summary.workloads++
  }
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

/** Picks one in so many images. */
function oneIn(count = defaultSecondCrashEvery, seed: number): (image: Image, number: number) => boolean {
  return (_, number) => number % count === seed % count
}

/** A violation that a second crash brought to light, with the image of the first. */
class SecondViolation extends Violation {
  readonly first: Image

  constructor(message: string, first: Image, cause: unknown) {
    super(message, { cause })
    this.first = first
  }
}

/** Runs a workload and verifies all its images; those that `again` picks crash a second time. @throws Violation */
export async function crashEverywhere(
  workload: Workload,
  seed: number,
  summary?: Summary,
  disk: Budget['disk'] = (files) => files,
  again: (image: Image, number: number) => boolean = oneIn(defaultSecondCrashEvery, seed),
): Promise<void> {
  const random = mulberry32(seed ^ 0x5eed)
  const { setting } = workload
  const files = disk(new FaultyFileSystem({ syncsTakeTurns: true }))
  const run = new Run(files, setting)
  const camera = new Camera(files, run.model, random)
  await runAll(run, workload)
  const images = camera.finish()
  if (files.openFileCount !== 0 || files.locked) {
    throw new Violation(`after close() ${files.openFileCount} files are open, locked: ${files.locked}`)
  }
  if (summary !== undefined) summary.operations += camera.operations
  for (const [number, image] of images.entries()) {
    const untouched = again(image, number) ? image.files.clone() : undefined
    await verify(image, run.model, setting, number)
    if (summary !== undefined) {
      summary.images++
      summary.byPolicy[image.policy] = (summary.byPolicy[image.policy] ?? 0) + 1
    }
    if (untouched !== undefined) {
      const count = await crashAgain({ ...image, files: untouched }, run.model, setting, random)
      if (summary !== undefined) summary.doubleCrashes += count
    }
  }
}

/** Nothing goes wrong in this run, so every error is the engine's. */
async function runAll(run: Run, { steps }: Workload): Promise<void> {
  try {
    await run.open()
    for (const step of steps) await run.run(step)
    await run.close()
  } catch (error) {
    await run
      .abandon()
      ?.close()
      .catch(() => {})
    if (error instanceof Violation || error instanceof ImpossibleStep) throw error
    const what = error instanceof VarveError ? `${error.code}: ${error.message}` : String(error)
    throw new Violation(`without a crash or a fault: ${what}`, { cause: error })
  }
}

/**
 * Crashes at every operation from the opening of an image to the next clean close. What the first recovery found is what every
 * later one must find; only after a kill may a loss of power take what was not synced.
 */
async function crashAgain(
  image: Image,
  model: Model,
  setting: Setting,
  random: () => number,
): Promise<number> {
  const original = image.files.clone()
  const found = await recover({ ...image, files: image.files }, model, setting)
  await found.run.close()
  const continued = model.recovered(found.position, found.contents, image.bounds, image.crash)
  const files = await develop({ ...image, files: original })
  const run = new Run(files, setting, continued)
  // Without a journal the model cannot tell what a power loss after a kill may take.
  const crashes =
    setting.durability === 'none' && image.crash === 'kill'
      ? (['kill'] as const)
      : (['kill', 'power'] as const)
  const camera = new Camera(files, continued, random, { crashes, whole: image.whole })
  await run.open()
  await goOn({ ...found, run }, 0)
  const images = camera.finish()
  for (const [number, second] of images.entries()) {
    try {
      await verify(second, continued, setting, number)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new SecondViolation(`${describe(image)}; and again: ${what}`, image, error)
    }
  }
  return images.length
}

/** The fewest steps found of which some image is still wrong. */
async function fewest(
  { setting, steps }: Workload,
  found: Violation,
  seed: number,
  disk: Budget['disk'],
): Promise<{ readonly steps: readonly Step[]; readonly failure: string }> {
  // After a second crash, only what is like the first one crashes again, but all of that.
  const first = found instanceof SecondViolation ? found.first : undefined
  const again = ({ policy, kind, file }: Image): boolean =>
    policy === first?.policy && kind === first.kind && file.slice(-4) === first.file.slice(-4)
  return shorten(steps, found.message, async (fewer) => {
    try {
      await crashEverywhere({ setting, steps: fewer }, seed, undefined, disk, again)
      return undefined
    } catch (error) {
      // With steps left out a workload may be impossible (a keyspace that was never made): not what we look for.
      return error instanceof Violation ? error.message : undefined
    }
  })
}
