/**
 * T14 of RELIABILITY.md: mutations of valid encodings, half of them signed again so that the checks behind checksums and chains are reached, through every
 * decoder; then through those of the kernel again in a build that traps at any access beside the input. No trap, no error without a type, no
 * allocation above the cap, no execution above 50 ms; and what is accepted is the same when it is written again, or to a second reader.
 */
import { Kernel } from '../../src/kernel/kernel.ts'
import { mulberry32 } from '../support/random.ts'
import { databaseFiles } from './fuzz/corpus.ts'
import { type Decoder, INPUT_MAX_BYTES } from './fuzz/decoder.ts'
import { fileDecoders } from './fuzz/file-decoders.ts'
import { Arena } from './fuzz/guarded-kernel.ts'
import { kernelDecoders } from './fuzz/kernel-decoders.ts'
import { Mutator } from './fuzz/mutator.ts'
import { textDecoders } from './fuzz/text-decoders.ts'
import { Violation } from './runner.ts'

export interface FuzzBudget {
  readonly seed: number
  readonly seconds: number
  /** A decoder, or all of them. */
  readonly case?: string | undefined
  /** For positive controls: changes the decoders; and the kernel whose decoders are fuzzed, and no others. */
  readonly tamper?: (decoder: Decoder) => Decoder
  readonly arena?: Arena
}

export interface FuzzSummary {
  program: string
  seed: number
  seconds: number
  decoders: number
  executions: number
  /** Of these, in the build with a guard. */
  guarded: number
  /** Inputs that were accepted, though most of them were changed. */
  accepted: number
  /** Different outcomes: errors, and ways of being accepted. */
  outcomes: number
  /** The fewest executions of one decoder. */
  fewest: number
  byDecoder: Record<string, string>
}

/** A hostile file of a MiB may not make us allocate more. */
const ALLOCATION_CAP_BYTES = 64 * 1_048_576
const SLOWEST_MS = 50
/** Between two looks at the clock. */
const ROUND = 200
/** Inputs kept for their outcome, for each decoder. */
const KEPT = 200
/** Of the time, for the build with a guard. */
const GUARDED_SHARE = 0.25
/** So many executions of each decoder in any case. */
const LEAST = 2000

/** @throws Violation with the input, shortened, and the command that repeats it */
export async function fuzzDecoders(budget: FuzzBudget): Promise<FuzzSummary> {
  const began = Date.now()
  const { seed, seconds, case: only } = budget
  const files = await databaseFiles()
  const tables = [...files].filter(([name]) => name.endsWith('.sst')).map(([, bytes]) => bytes)
  const kernel = Kernel.create(16 * 1_048_576, new Uint8Array(8))
  const select = (decoders: Decoder[]): Decoder[] =>
    decoders
      .filter(({ name }) => only === undefined || name === only)
      .map((decoder) => budget.tamper?.(decoder) ?? decoder)
  const summary: FuzzSummary = {
    program: 'fuzz-decoders',
    seed,
    seconds: 0,
    decoders: 0,
    executions: 0,
    guarded: 0,
    accepted: 0,
    outcomes: 0,
    fewest: Infinity,
    byDecoder: {},
  }
  const inPlain = async (): Promise<Decoder[]> => [
    ...kernelDecoders(await Arena.create('plain'), tables),
    ...fileDecoders(kernel, files),
    ...textDecoders(),
  ]
  const plain = budget.arena === undefined ? select(await inPlain()) : []
  const guarded = select(kernelDecoders(budget.arena ?? (await Arena.create('guarded')), tables))
  if (plain.length + guarded.length === 0) throw new Error(`there is no decoder ${only}`)
  const restore = capAllocations()
  try {
    const timeMs = Math.max(0, seconds * 1000 - (Date.now() - began))
    const plainMs = (timeMs * (1 - GUARDED_SHARE)) / Math.max(1, plain.length)
    for (const decoder of plain) fuzz(decoder, seed, plainMs, summary)
    const guardedMs = (timeMs * GUARDED_SHARE) / Math.max(1, guarded.length)
    const before = summary.executions
    for (const decoder of guarded)
      fuzz({ ...decoder, name: `${decoder.name}, guarded` }, seed, guardedMs, summary)
    summary.guarded = summary.executions - before
  } finally {
    restore()
  }
  summary.decoders = plain.length
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

function fuzz(decoder: Decoder, seed: number, timeMs: number, summary: FuzzSummary): void {
  const mutator = new Mutator(mulberry32(seed))
  const kept: Uint8Array[] = []
  const outcomes = new Map<string, number>()
  const end = performance.now() + timeMs
  let executions = 0
  let accepted = 0
  for (const bytes of decoder.corpus) {
    const outcome = execute(decoder, bytes, mutator, seed)
    if (!outcome.startsWith('ok'))
      throw new Violation(`${decoder.name}: a valid encoding is refused: ${outcome}`)
  }
  while (executions < LEAST || performance.now() < end) {
    for (let i = 0; i < ROUND; i++) {
      const pool = kept.length > 0 && mutator.chance(0.4) ? kept : decoder.corpus
      const base = pool[mutator.pick(pool.length)] ?? new Uint8Array(0)
      const bytes = mutator.mutate(base, decoder.corpus).slice(0, INPUT_MAX_BYTES)
      if (mutator.chance(0.5)) decoder.sign?.(bytes)
      const outcome = execute(decoder, bytes, mutator, seed)
      executions++
      if (outcome.startsWith('ok')) accepted++
      const seen = outcomes.get(outcome) ?? 0
      outcomes.set(outcome, seen + 1)
      if (seen === 0 && kept.length < KEPT) kept.push(bytes)
    }
  }
  summary.executions += executions
  summary.accepted += accepted
  summary.outcomes += outcomes.size
  summary.fewest = Math.min(summary.fewest, executions)
  summary.byDecoder[decoder.name] =
    `${executions} executions, ${accepted} accepted, ${outcomes.size} outcomes`
}

function execute(decoder: Decoder, bytes: Uint8Array, mutator: Mutator, seed: number): string {
  const began = performance.now()
  try {
    const outcome = decoder.run(bytes, mutator)
    // NOTE: what took long because the machine had other work does not take long again.
    if (performance.now() - began > SLOWEST_MS && !isFast(decoder, bytes))
      throw new Error(`it takes ${SLOWEST_MS} ms and more`)
    return outcome
  } catch (error) {
    const shorter = shorten(decoder, bytes, String(error))
    throw new Violation(
      `${decoder.name}: ${String(error)}\n  input (${bytes.byteLength} B, shortened to ${shorter.byteLength}): ${Buffer.from(shorter).toString('hex')}\n` +
        `  node test/torture/run.mjs fuzz-decoders --seed ${seed} --case ${decoder.name.replace(', guarded', '')}`,
      { cause: error },
    )
  }
}

function isFast(decoder: Decoder, bytes: Uint8Array): boolean {
  for (let i = 0; i < 4; i++) {
    const began = performance.now()
    decoder.run(bytes, new Mutator(mulberry32(i)))
    if (performance.now() - began <= SLOWEST_MS) return true
  }
  return false
}

/** Cuts off what is not needed for the same error, front and back, and puts zeros in. */
function shorten(decoder: Decoder, bytes: Uint8Array, error: string): Uint8Array {
  const fails = (candidate: Uint8Array): boolean => {
    for (let i = 0; i < 4; i++) {
      try {
        decoder.run(candidate, new Mutator(mulberry32(i)))
      } catch (found) {
        return String(found) === error
      }
    }
    return false
  }
  let shortest = bytes
  for (let size = bytes.byteLength >>> 1; size > 0; size >>>= 1) {
    for (const candidate of [shortest.slice(size), shortest.slice(0, -size)])
      if (candidate.byteLength < shortest.byteLength && fails(candidate)) shortest = candidate
  }
  for (let i = 0; i < Math.min(shortest.byteLength, 2000); i++) {
    if (shortest[i] === 0) continue
    const candidate = shortest.slice()
    candidate[i] = 0
    if (fails(candidate)) shortest = candidate
  }
  return shortest
}

/** Has everybody who asks for more bytes than any input may cost fail. @returns what ends it */
function capAllocations(): () => void {
  const original = globalThis.Uint8Array
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      const [length] = args
      if (typeof length === 'number' && length > ALLOCATION_CAP_BYTES)
        throw new Error(`${length} bytes are allocated`)
      return Reflect.construct(
        target,
        args,
        newTarget === globalThis.Uint8Array ? target : newTarget,
      ) as object
    },
  })
  return () => {
    globalThis.Uint8Array = original
  }
}
