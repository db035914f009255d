/**
 * T17 of RELIABILITY.md: what every released version wrote is read exactly; what a later one may write is refused with FORMAT_VERSION,
 * and not a byte of the directory changes.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOn } from '../../src/api/open.ts'
import { VarveError } from '../../src/errors.ts'
import { nodeFileSystem } from '../../src/fs/node.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { MEMORY_BYTES, type Finding, examine, isDetected, openImage } from './damage/examine.ts'
import { faultedImages } from './damage/file-cases.ts'
import { type FutureCase, futureCases } from './damage/future.ts'
import { treeOf } from './damage/real-files.ts'
import { watched } from './damage/watch.ts'
import { buildGolden, type Files } from './golden/build.ts'
import { type Golden, formats, loadGolden } from './golden/golden.ts'
import { Violation } from './runner.ts'

export interface CompatBudget {
  readonly seed: number
  /** Positive controls put a worse one in its place. */
  readonly examine?: typeof examine
}

export interface CompatSummary {
  program: string
  seed: number
  seconds: number
  /** Images of released formats that were read exactly. */
  goldens: number
  /** Files of a later version; of these, what open() refused, what only reads refused, and what was passed over. */
  future: number
  refused: number
  unread: number
  whole: number
}

/** Everything, whatever the seed. @throws Violation */
export async function compat(budget: CompatBudget): Promise<CompatSummary> {
  const began = performance.now()
  const summary: CompatSummary = {
    program: 'compat',
    seed: budget.seed,
    seconds: 0,
    goldens: 0,
    future: 0,
    refused: 0,
    unread: 0,
    whole: 0,
  }
  const examineIt = budget.examine ?? examine
  const folder = mkdtempSync(join(tmpdir(), 'varve-'))
  try {
    await watched('compat', async (note) => {
      for (const format of formats) {
        const golden = loadGolden(format)
        for (const image of faultedImages) {
          for (const bootNumber of [1, 2]) {
            note(`${format} ${image}`)
            await told(`${format}, ${image}, boot ${bootNumber}`, async () => {
              await requireExact(golden, golden.images[image], bootNumber, examineIt)
            })
            summary.goldens++
          }
        }
        for (const each of futureCases(golden)) {
          note(each.what)
          await told(`${format}, ${each.image}, ${each.what}`, () =>
            future(golden, each, join(folder, 'db'), examineIt),
          )
          summary.future++
          summary[each.expected]++
        }
      }
      await told('what this version writes', async () => {
        const { killed, closed } = await buildGolden()
        for (const files of [killed, closed]) await requireExact(loadGolden(), files, 1, examineIt)
      })
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

async function told(what: string, step: () => Promise<void>): Promise<void> {
  try {
    await step()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Violation(`${what}: ${message}\n  node test/torture/run.mjs compat`, { cause: error })
  }
}

/** Reads everything of an undamaged image, and goes on writing in it. */
async function requireExact(
  golden: Golden,
  files: Files,
  bootNumber: number,
  examineIt: typeof examine,
): Promise<void> {
  const states = golden.states.slice(-1)
  const finding = await examineIt(files, { golden, states, bootNumber, isSafe: () => true })
  if (isDetected(finding)) throw new Violation(`it is called damaged: ${describe(finding)}`)
  const disk = FaultyFileSystem.fromFiles(files, { bootNumber })
  const key = new Uint8Array([0x7a])
  for (let round = 0; round < 3; round++) {
    const db = await openImage(disk)
    const before = db.getSync(key)
    if ((before?.[0] ?? 0) !== round) throw new Violation(`what was written in round ${round} is not there`)
    db.putSync(key, Uint8Array.of(round + 1))
    if (round === 1) db.compactSync()
    await db.close()
  }
}

async function future(
  golden: Golden,
  { files, concerned, expected }: FutureCase,
  root: string,
  examineIt: typeof examine,
): Promise<void> {
  const states = golden.states.slice(-1)
  const finding = await examineIt(files, { golden, states })
  const { refusal, failures, problems } = finding
  if (expected === 'refused') {
    if (refusal?.code !== 'FORMAT_VERSION' || !concerned.includes(refusal.file ?? ''))
      throw new Violation(`it is not refused: ${describe(finding)}`)
    await requireUntouched(files, root)
    return
  }
  if (refusal !== undefined) throw new Violation(`it does not open: ${describe(finding)}`)
  if (expected === 'whole') {
    // NOTE: of a table the manifest knows the checksum, so there verify() finds that something was changed.
    const isTable = concerned.some((name) => name.endsWith('.sst'))
    if (failures.length > 0 || (!isTable && problems.length > 0)) throw new Violation(describe(finding))
    return
  }
  const isUnknown = ({ code, file = '' }: { code: string; file: string | undefined }): boolean =>
    code === 'FORMAT_VERSION' && concerned.includes(file)
  if (failures.length === 0 || !failures.every(isUnknown) || !problems.some(isUnknown))
    throw new Violation(`reads do not say so: ${describe(finding)}`)
}

/** On files of this host: the tree is the same, byte for byte, when open() has failed. */
async function requireUntouched(files: Files, root: string): Promise<void> {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root)
  for (const [name, bytes] of files) writeFileSync(join(root, name), bytes)
  const before = treeOf(root)
  try {
    const db = await openOn(nodeFileSystem(root), { memoryLimit: MEMORY_BYTES, threads: 0 })
    await db.close()
  } catch (error) {
    if (!(error instanceof VarveError && error.code === 'FORMAT_VERSION'))
      throw new Violation(`another boot says ${String(error)}`, { cause: error })
    if (treeOf(root) !== before) throw new Violation('open() failed and changed the directory')
    return
  }
  throw new Violation('another boot opens it')
}

function describe({ refusal, reason, failures, problems }: Finding): string {
  const said = [refusal, ...failures, ...problems].filter((each) => each !== undefined)
  return [reason, ...said.map(({ code, message }) => `${code}: ${message}`)].slice(0, 4).join('; ')
}
