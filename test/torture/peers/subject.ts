import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mulberry32 } from '../../support/random.ts'
import { type Damage, type GoldenFile, apply, groupBy, plan, shuffled } from './damage.ts'
import { type KindFigures, type Outcome, newFigures } from './figures.ts'
import type { Observation } from './inspect.ts'
import type { EngineProcess } from './process.ts'

export interface Result {
  readonly damage: Damage
  readonly outcome: Outcome
  readonly observation: Observation | undefined
}

/** An engine under test: its golden directory, the damages that are planned, and what became of those that were done. */
export class Subject {
  readonly engine: string
  readonly version: string
  readonly figures: readonly KindFigures[]
  readonly #process: EngineProcess
  readonly #directory: string
  readonly #golden: readonly GoldenFile[]
  readonly #damages: readonly Damage[]
  #next = 0

  private constructor(
    engine: string,
    version: string,
    process: EngineProcess,
    directory: string,
    golden: readonly GoldenFile[],
    damages: readonly Damage[],
  ) {
    this.engine = engine
    this.version = version
    this.#process = process
    this.#directory = directory
    this.#golden = golden
    this.#damages = damages
    this.figures = figuresFor(golden, damages)
  }

  /** @throws if an undamaged copy does not read as it was written */
  static async make(options: {
    readonly engine: string
    readonly version: string
    readonly process: EngineProcess
    readonly directory: string
    readonly seed: number
    readonly flips: number
    readonly truncations: number
  }): Promise<Subject> {
    const { engine, version, process, directory, seed, flips, truncations } = options
    await mkdir(directory, { recursive: true })
    const original = join(directory, 'golden')
    if (typeof (await process.ask({ do: 'make', directory: original })) === 'string')
      throw new Error(`${engine} cannot make the golden directory`)
    const golden = await readGolden(process, original)
    const random = mulberry32(seed)
    const planned = [
      ...plan(golden, 'flip', flips, random),
      ...plan(golden, 'truncation', truncations, random),
    ]
    // So that all have their share, whenever it ends.
    const damages = shuffled(planned, random)
    const subject = new Subject(engine, version, process, directory, golden, damages)
    const { outcome, observation } = await subject.#inspect('whole', undefined)
    if (outcome !== 'noEffect')
      throw new Error(`${engine} does not read an undamaged copy: ${outcome} ${JSON.stringify(observation)}`)
    return subject
  }

  get isDone(): boolean {
    return this.#next === this.#damages.length
  }

  /** Does the next damage. */
  async step(): Promise<Result | undefined> {
    const damage = this.#damages[this.#next]
    if (damage === undefined) return undefined
    const name = `copy${this.#next++}`
    let found = await this.#inspect(name, damage)
    // NOTE: on a busy machine what takes long need not be stuck: it hangs if it does so again, in a new process.
    if (found.outcome === 'hung') found = await this.#inspect(`${name}-again`, damage)
    const { outcome, observation } = found
    const { type, file } = damage
    for (const figures of this.figures) {
      if (figures.type !== type || figures.kind !== file.kind) continue
      figures.runs++
      figures[outcome]++
    }
    return { damage, outcome, observation }
  }

  end(): Promise<void> {
    return this.#process.end()
  }

  /** NOTE: every copy is a directory of its own; engines remember which ones they have open. */
  async #inspect(name: string, damage: Damage | undefined): Promise<Omit<Result, 'damage'>> {
    const directory = join(this.#directory, name)
    await mkdir(directory)
    for (const file of this.#golden) {
      const bytes = damage?.file === file ? apply(damage) : file.bytes
      await writeFile(join(directory, file.name), bytes)
    }
    const answer = await this.#process.ask<Observation>({ do: 'inspect', directory })
    await rm(directory, { recursive: true, force: true })
    if (typeof answer === 'string') return { outcome: answer, observation: undefined }
    return { outcome: outcomeOf(answer.reply), observation: answer.reply }
  }
}

/** The files that hold what was written; locks, and what is written for people to read, stay behind. */
async function readGolden(process: EngineProcess, directory: string): Promise<GoldenFile[]> {
  const files = (await readdir(directory)).sort()
  const answer = await process.ask<{ kinds: string[] }>({ do: 'kinds', files })
  if (typeof answer === 'string') throw new Error(`the process ${answer}`)
  const golden: GoldenFile[] = []
  for (const [i, name] of files.entries()) {
    const kind = answer.reply.kinds[i] ?? ''
    if (kind !== '') golden.push({ name, kind, bytes: await readFile(join(directory, name)) })
  }
  return golden
}

/** A row for each type of damage and kind of file. */
function figuresFor(golden: readonly GoldenFile[], damages: readonly Damage[]): KindFigures[] {
  const rowOf = ({ type, file }: Damage): string => `${type} ${file.kind}`
  const sorted = damages.toSorted((a, b) => (rowOf(a) < rowOf(b) ? -1 : 1))
  return groupBy(sorted, rowOf).flatMap(([first]) => {
    if (first === undefined) return []
    const { kind } = first.file
    const sizeBytes = golden.reduce((sum, file) => sum + (file.kind === kind ? file.bytes.length : 0), 0)
    return [newFigures(kind, first.type, sizeBytes)]
  })
}

function outcomeOf({ report, wrong }: Observation): Outcome {
  if (wrong === undefined) return report === undefined ? 'noEffect' : 'reported'
  return report === undefined ? 'silent' : 'reportedButWrong'
}
