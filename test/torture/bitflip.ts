/**
 * T06 of RELIABILITY.md: every byte of the golden database is changed, one at a time; then everything that reads is done. Each change
 * must be reported, by whichever call comes across it, at the latest by verify(); what is read without an error must be right.
 */
import { mulberry32, pick } from '../support/random.ts'
import { type Examination, type Finding, examine, isDetected } from './damage/examine.ts'
import { keyTrails, type KeyTrails } from './damage/key-trails.ts'
import { watched } from './damage/watch.ts'
import type { Files } from './golden/build.ts'
import { loadGolden, type Golden } from './golden/golden.ts'
import { Violation } from './runner.ts'

export interface FlipBudget {
  readonly seed: number
  /** No pass over all bytes is begun after this time, */
  readonly seconds: number
  /** unless there were fewer than this. */
  readonly passes?: number
  /** One change only: image/file@offset=bytes in hexadecimal. */
  readonly case?: string
  /** What an examination finds; positive controls put a worse one in its place. */
  readonly examine?: typeof examine
}

export interface FlipSummary {
  program: string
  seed: number
  seconds: number
  /** In all files of the images. */
  bytes: number
  /** Of these, in percent, how many were changed at least once. */
  percentOfBytes: number
  flips: number
  /** In percent of the flips. */
  detected: number
  /** By what first: open() refuses, db.recovery, a read or compact(), verify(). */
  refused: number
  recovered: number
  failedReads: number
  verified: number
}

const imageNames = ['killed', 'closed'] as const
type FlippedImage = (typeof imageNames)[number]

/** Bytes in the place of others. */
interface Change {
  readonly image: FlippedImage
  readonly file: string
  readonly offset: number
  readonly bytes: Uint8Array
}

/**
 * Changes that need not be reported, because nothing can come of them. NOTE: there are none. A byte that means nothing is checked to be zero.
 */
const harmless: readonly {
  readonly file: RegExp
  readonly from: number
  readonly to: number
  readonly why: string
}[] = []

/** The passes over all bytes: one bit, all, none, and then the other bits. */
const plainPasses = 10

/** @throws Violation with the command that repeats it */
export async function bitflip(budget: FlipBudget): Promise<FlipSummary> {
  const began = performance.now()
  const golden = loadGolden()
  const flipper = await Flipper.create(golden, budget)
  const { summary } = flipper
  const inTime = (): boolean => performance.now() - began < budget.seconds * 1000
  await watched('bitflip', async (note) => {
    if (budget.case !== undefined) return flipper.flip(parse(budget.case), note)
    const { passes = 1 } = budget
    for (let pass = 0; pass < passes || inTime(); pass++) {
      const end = (): boolean => pass >= passes && !inTime()
      for (const change of changes(golden, budget.seed, pass)) {
        if (end()) break
        await flipper.flip(change, note)
      }
    }
  })
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

class Flipper {
  readonly summary: FlipSummary
  readonly #golden: Golden
  readonly #trails: ReadonlyMap<FlippedImage, KeyTrails>
  readonly #examine: typeof examine
  readonly #seed: number
  readonly #changed = new Set<string>()

  private constructor(golden: Golden, trails: ReadonlyMap<FlippedImage, KeyTrails>, budget: FlipBudget) {
    this.#golden = golden
    this.#trails = trails
    this.#seed = budget.seed
    this.#examine = budget.examine ?? examine
    const sizes = imageNames.flatMap((image) =>
      [...golden.images[image].values()].map(({ length }) => length),
    )
    this.summary = {
      program: 'bitflip',
      seed: budget.seed,
      seconds: 0,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      percentOfBytes: 0,
      flips: 0,
      detected: 0,
      refused: 0,
      recovered: 0,
      failedReads: 0,
      verified: 0,
    }
  }

  static async create(golden: Golden, budget: FlipBudget): Promise<Flipper> {
    const images = imageNames.filter((image) => budget.case?.startsWith(image) !== false)
    const trails = new Map<FlippedImage, KeyTrails>()
    for (const image of images) trails.set(image, await keyTrails(golden, golden.images[image]))
    return new Flipper(golden, trails, budget)
  }

  async flip(change: Change, note: (what: string) => void): Promise<void> {
    const { image, file, offset, bytes } = change
    const what = text(change)
    note(what)
    const { summary } = this
    try {
      const finding = await this.#examine(
        changed(this.#golden.images[image], change),
        this.#examination(change),
      )
      summary.flips++
      this.#judge(change, finding)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Violation(
        `${what}: ${message}\n  node test/torture/run.mjs bitflip --seed ${this.#seed} --case ${what}`,
        { cause: error },
      )
    }
    for (let i = 0; i < bytes.byteLength; i++) this.#changed.add(`${image}/${file}@${offset + i}`)
    summary.percentOfBytes = (100 * this.#changed.size) / summary.bytes
    const found = summary.refused + summary.recovered + summary.failedReads + summary.verified
    summary.detected = (100 * found) / summary.flips
  }

  #examination({ image, file, offset, bytes }: Change): Examination {
    const trails = this.#trails.get(image)
    const { golden, flips } = { golden: this.#golden, flips: this.summary.flips }
    return {
      golden,
      states: golden.states.slice(-1),
      isSafe: (keyspace, key) => trails?.touches(keyspace, key, file, offset, bytes.byteLength) === false,
      async: flips % 8 === 7,
      compacted: flips % 4 === 0 ? undefined : trails?.keyspaceOf(file),
    }
  }

  #judge({ file, offset }: Change, finding: Finding): void {
    const { refusal, reason, droppedFrom, failures, problems } = finding
    const { summary } = this
    if (refusal !== undefined) {
      summary.refused++
      if (refusal.file !== file || refusal.offset === undefined)
        throw new Violation(`the refusal names another place: ${refusal.message}`)
      return
    }
    if (!isDetected(finding)) {
      if (harmless.some((range) => range.file.test(file) && offset >= range.from && offset < range.to)) return
      throw new Violation('nobody noticed')
    }
    if (reason !== '') {
      summary.recovered++
      if (!droppedFrom.startsWith(`${file}:`)) throw new Violation(`db.recovery names ${droppedFrom}`)
    } else if (!problems.some((problem) => problem.file === file)) {
      throw new Violation(`verify() does not find it: ${JSON.stringify(problems)}`)
    } else if (failures.length > 0) summary.failedReads++
    else summary.verified++
    const stranger = failures.find((failure) => failure.file !== file)
    if (stranger !== undefined) throw new Violation(`another file is called damaged: ${stranger.message}`)
  }
}

/** One change of every byte, or many anywhere. */
function* changes(golden: Golden, seed: number, pass: number): Generator<Change> {
  const random = mulberry32(Math.imul(seed, 1000) + pass)
  for (const image of imageNames) {
    for (const [file, bytes] of golden.images[image]) {
      for (const [offset, byte] of bytes.entries()) {
        if (pass >= plainPasses) {
          yield { image, file, offset, bytes: burst(bytes, offset, random) }
          continue
        }
        const first = firstBit(seed, file, offset)
        const value =
          pass === 1 ? 0 : pass === 2 ? 0xff : byte ^ (1 << ((first + (pass === 0 ? 0 : pass - 2)) % 8))
        if (value !== byte) yield { image, file, offset, bytes: Uint8Array.of(value) }
      }
    }
  }
}

/** Which bit of a byte is the first to be flipped. */
function firstBit(seed: number, file: string, offset: number): number {
  return pick(mulberry32(Math.imul(seed, 31) + Math.imul(offset, 7919) + (file.codePointAt(15) ?? 0)), 8)
}

/** Two to eight bits, or a sector of zeros or of anything. INVARIANT: something changes. */
function burst(bytes: Uint8Array, offset: number, random: () => number): Uint8Array {
  const kind = pick(random, 8)
  const length = Math.min(kind === 0 ? 512 : kind === 1 ? 4096 : 8, bytes.byteLength - offset)
  const after = bytes.slice(offset, offset + length)
  if (kind <= 1) {
    const isZero = random() < 0.5
    for (let i = 0; i < length; i++) after[i] = isZero ? 0 : pick(random, 256)
  } else {
    for (let count = 1 + pick(random, 7); count > 0; count--) {
      const at = pick(random, length)
      after[at] = (after[at] ?? 0) ^ (1 << pick(random, 8))
    }
  }
  after[0] = (bytes[offset] ?? 0) ^ (1 << pick(random, 8))
  return after
}

function changed(files: Files, { file, offset, bytes }: Change): Files {
  const copy = new Uint8Array(files.get(file) ?? [])
  copy.set(bytes, offset)
  return new Map(files).set(file, copy)
}

function text({ image, file, offset, bytes }: Change): string {
  return `${image}/${file}@${offset}=${Buffer.from(bytes).toString('hex')}`
}

function parse(given: string): Change {
  const [, image, file, offset, hex] = /^(killed|closed)\/([^@]+)@(\d+)=((?:[0-9a-f]{2})+)$/.exec(given) ?? []
  if (image === undefined || file === undefined || hex === undefined)
    throw new TypeError(`--case ${given}: expected image/file@offset=hexadecimal`)
  return {
    image: image as FlippedImage,
    file,
    offset: Number(offset),
    bytes: new Uint8Array(Buffer.from(hex, 'hex')),
  }
}
