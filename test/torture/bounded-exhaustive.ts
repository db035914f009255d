/**
 * T02 of RELIABILITY.md: every sequence of up to three operations of the ten kinds (alphabet.ts), and before every operation of the file
 * system that changes the disk two images, of a killed process and of a loss of power; each is opened, compared with the model, written to, opened again.
 *
 * Most sequences begin as others do, so most images are equal to an earlier one in every byte: each run has the same random bytes and the same clock.
 * What opens such an image again would find the same and do the same, so it is opened once, and what was found is compared with what may be there after
 * each crash that leaves it.
 */
import { createHash } from 'node:crypto'
import type { Contents, Model } from '../model.ts'
import { type CrashPolicy, FaultyFileSystem, crashPolicies } from '../support/faulty.ts'
import { onPretendedHost } from '../support/pretended-host.ts'
import { mulberry32 } from '../support/random.ts'
import { KINDS, type Kind, sequences, stepsOf } from './alphabet.ts'
import { Camera, type Image, describe } from './images.ts'
import { Run, Violation } from './runner.ts'
import { goOn, recover, requirePossible } from './verify.ts'
import type { Setting } from './workload.ts'

export interface Budget {
  readonly seed: number
  /** No sequence is begun after this time. */
  readonly seconds: number
  /** Longest sequence. Default 3. */
  readonly steps?: number
  /** Other than 0: images of a loss of power as well that are neither all nor nothing. */
  readonly all?: number
  /** One sequence: kinds with commas between them. */
  readonly case?: string
  /** Of the longest sequences only this part, chosen by the seed. */
  readonly share?: number
  /** Makes the disk that the database under test sees; positive controls put a broken one between. */
  readonly disk?: (files: FaultyFileSystem) => FaultyFileSystem
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  /** Each is run without and under a snapshot. */
  sequences: number
  /** Whether time was enough for all of them. */
  complete: number
  operations: number
  images: number
  /** Of these: how many differed from all before. */
  distinctImages: number
}

const setting: Setting = { durability: 'os', memtableSize: 4096 }
const twoPolicies: readonly CrashPolicy[] = ['keepAll', 'loseAll']

/** What was found in an image, for all that are equal to it. */
interface Found {
  readonly contents: Contents
  readonly droppedBytes: number
}

export async function boundedExhaustive(budget: Budget): Promise<Summary> {
  const began = performance.now()
  const { seed, seconds, steps = 3, all = 0, share = 1, disk = (files) => files } = budget
  const longest = budget.case === undefined ? steps : Infinity
  const list = budget.case === undefined ? sequences(steps) : [parse(budget.case)]
  const chosen = mulberry32(seed)
  const explorer = new Explorer(all === 0 ? twoPolicies : crashPolicies, seed, disk)
  let complete = 1
  let count = 0
  for (const kinds of list) {
    if (kinds.length === longest && chosen() >= share) continue
    if (performance.now() - began > seconds * 1000) {
      complete = 0
      break
    }
    for (const read of [false, true]) {
      try {
        await explorer.explore(kinds, read)
      } catch (error) {
        if (!(error instanceof Violation)) throw error
        throw new Violation(
          `${error.message}\n  ${kinds.join(', ')}${read ? ' under a snapshot' : ''}:\n` +
            stepsOf(kinds, read)
              .map((step, i) => `  ${i}. ${JSON.stringify(step)}`)
              .join('\n') +
            `\n  again: node test/torture/run.mjs bounded-exhaustive --seed ${seed} --case ${kinds.join(',')}`,
          { cause: error },
        )
      }
    }
    count++
  }
  const { operations, images, distinctImages } = explorer
  return {
    program: 'bounded-exhaustive',
    seed,
    seconds: (performance.now() - began) / 1000,
    sequences: count,
    complete,
    operations,
    images,
    distinctImages,
  }
}

function parse(text: string): readonly Kind[] {
  return text.split(',').map((name) => {
    const kind = KINDS.find((each) => each === name)
    if (kind === undefined) throw new RangeError(`no kind '${name}'; there are ${KINDS.join(', ')}`)
    return kind
  })
}

class Explorer {
  operations = 0
  images = 0
  distinctImages = 0
  readonly #policies: readonly CrashPolicy[]
  readonly #seed: number
  readonly #disk: (files: FaultyFileSystem) => FaultyFileSystem
  readonly #found = new Map<string, Found>()

  constructor(
    policies: readonly CrashPolicy[],
    seed: number,
    disk: (files: FaultyFileSystem) => FaultyFileSystem,
  ) {
    this.#policies = policies
    this.#seed = seed
    this.#disk = disk
  }

  /** Runs a sequence and verifies all its images. @throws Violation */
  async explore(kinds: readonly Kind[], read: boolean): Promise<void> {
    const files = this.#disk(new FaultyFileSystem())
    const run = new Run(files, setting)
    const camera = new Camera(files, run.model, mulberry32(this.#seed), { policies: this.#policies })
    await onPretendedHost(this.#seed, () => runAll(run, kinds, read))
    const images = camera.finish()
    this.operations += camera.operations
    for (const image of images) {
      this.images++
      await this.#verify(image, run.model)
    }
  }

  async #verify(image: Image, model: Model): Promise<void> {
    const identity = identityOf(image.files)
    const known = this.#found.get(identity)
    try {
      if (known === undefined) this.#found.set(identity, await this.#open(image, model))
      else requirePossible(image, model, known)
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      throw new Violation(`${describe(image)}: ${what}`, { cause: error })
    }
  }

  /** Everything that verify() asks of an image. */
  async #open(image: Image, model: Model): Promise<Found> {
    const recovered = await recover(image, model, setting)
    const { contents, run } = recovered
    const { droppedBytes } = run.database.recovery
    try {
      await goOn(recovered, this.distinctImages++)
    } catch (error) {
      await run
        .abandon()
        ?.close()
        .catch(() => {})
      throw error
    }
    return { contents, droppedBytes }
  }
}

/** Nothing goes wrong in this run, so every error is the engine's. */
async function runAll(run: Run, kinds: readonly Kind[], read: boolean): Promise<void> {
  try {
    await run.open()
    for (const step of stepsOf(kinds, read)) await run.run(step)
    await run.close()
  } catch (error) {
    await run
      .abandon()
      ?.close()
      .catch(() => {})
    const what = error instanceof Error ? error.message : String(error)
    throw new Violation(`without a crash or a fault: ${what}`, { cause: error })
  }
}

/** The same for two disks only if an open finds the same on both. */
export function identityOf(files: FaultyFileSystem): string {
  const hash = createHash('sha256').update(files.bootId)
  for (const [name, bytes] of files.snapshotFiles()) hash.update(`${name} ${bytes.length} `).update(bytes)
  return hash.digest('base64')
}
