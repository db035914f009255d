/**
 * T07 of RELIABILITY.md: files that are cut, extended, missing, swapped, doubled, old or something else altogether; and strangers among
 * them. Either open() refuses and names the file, or it holds exactly what the contract says and tells of what was cut.
 */
import { mulberry32 } from '../support/random.ts'
import { examine, type Finding } from './damage/examine.ts'
import { type FileCase, Shop, fileCases } from './damage/file-cases.ts'
import { realCases } from './damage/real-files.ts'
import { watched } from './damage/watch.ts'
import { loadGolden } from './golden/golden.ts'
import { Violation } from './runner.ts'

export interface FileFaultBudget {
  readonly seed: number
  /** Nothing is begun after this time but the first round: everything that can be counted up. Later ones extend files at random. */
  readonly seconds: number
  /** 1: what does not depend on the boot is tried under one of them only. */
  readonly brief?: number
  /** Only what is called so. */
  readonly case?: string
  /** Positive controls put a worse one in its place. */
  readonly examine?: typeof examine
}

export interface FileFaultSummary {
  program: string
  seed: number
  seconds: number
  cases: number
  /** Of these: open() refused, db.recovery told what was cut, everything was there without a word. */
  refused: number
  told: number
  unharmed: number
  /** On the files of this host. */
  realCases: number
}

/** @throws Violation with the command that repeats it */
export async function fileFaults(budget: FileFaultBudget): Promise<FileFaultSummary> {
  const began = performance.now()
  const { seed, seconds } = budget
  const shop = new Shop(loadGolden())
  const summary: FileFaultSummary = {
    program: 'file-faults',
    seed,
    seconds: 0,
    cases: 0,
    refused: 0,
    told: 0,
    unharmed: 0,
    realCases: 0,
  }
  const inTime = (): boolean => performance.now() - began < seconds * 1000
  await watched('file-faults', async (note) => {
    summary.realCases = await realCases(shop.golden, note, budget.case)
    for (let round = 0; round === 0 || (inTime() && budget.case === undefined); round++) {
      for (const each of fileCases(
        shop,
        round,
        mulberry32(Math.imul(seed, 1000) + round),
        budget.brief === 1,
      )) {
        if (round > 0 && !inTime()) break
        const name = text(each)
        if (budget.case !== undefined && budget.case !== name) continue
        note(name)
        await tryCase(shop, each, summary, budget.examine ?? examine)
      }
    }
  })
  summary.seconds = (performance.now() - began) / 1000
  return summary
}

function text({ image, boot, what }: FileCase): string {
  return `${image}, boot ${boot}: ${what}`
}

async function tryCase(
  shop: Shop,
  each: FileCase,
  summary: FileFaultSummary,
  examineIt: typeof examine,
): Promise<void> {
  const { golden } = shop
  const { expected } = each
  const state = 'state' in expected ? golden.states[expected.state] : undefined
  try {
    const finding = await examineIt(each.files, {
      golden,
      states: state === undefined ? [] : [state],
      bootNumber: each.boot,
      isSafe: () => true,
      async: summary.cases % 8 === 7,
    })
    judge(each, finding)
    summary.cases++
    if (finding.refusal !== undefined) summary.refused++
    else if (finding.reason !== '') summary.told++
    else summary.unharmed++
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Violation(
      `${text(each)}: ${message}\n  node test/torture/run.mjs file-faults --seed ${summary.seed} --case '${text(each)}'`,
      { cause: error },
    )
  }
}

function judge(
  { expected }: FileCase,
  { refusal, reason, droppedFrom, droppedBytes, failures }: Finding,
): void {
  if ('refused' in expected) {
    if (refusal === undefined) throw new Violation(`it opens, and must be ${expected.refused.join(' or ')}`)
    const { code, file = '', offset } = refusal
    const hasPlace = code !== 'CORRUPT' || offset !== undefined || expected.whole === true
    if (!expected.refused.includes(code) || !expected.files.includes(file) || !hasPlace) {
      const places = expected.files.join(' or ')
      throw new Violation(
        `${code}: ${refusal.message} instead of ${expected.refused.join(' or ')} in ${places}`,
      )
    }
    return
  }
  if (refusal !== undefined) throw new Violation(`it does not open: ${refusal.code}: ${refusal.message}`)
  const { told } = expected
  const found = reason === '' ? 'nothing' : `${droppedBytes} B from ${droppedFrom}`
  const wanted = told === undefined ? 'nothing' : `${told.bytes} B from ${told.file}:${told.offset}`
  if (found !== wanted) throw new Violation(`db.recovery tells of ${found} (${reason}) instead of ${wanted}`)
  if (failures.length > 0) throw new Violation(`it opens, and then ${String(failures[0])}`)
}
