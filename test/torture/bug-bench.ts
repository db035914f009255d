/**
 * T22 of RELIABILITY.md: do the torture programs notice what they are there for? Bugs are seeded in the engine, one at a time (bugs/): failures that were reported in the field, and
 * mutants. Each is shown to the programs that should notice it, in a process of their own, with little time. A bug is killed when a program ends with a violation, and with nothing else;
 * and the same program, with the same seed, finds nothing where there is no bug.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mulberry32, pick } from '../support/random.ts'
import type { SeededBug } from './bugs/bug.ts'
import { BUDGETS, functionOf, sourceOf, type ProgramName } from './bugs/budgets.ts'
import { CATALOG } from './bugs/catalog.ts'
import { root } from './root.ts'
import { Violation } from './runner.ts'
import { runChild } from './threads/child.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  /** No bug is begun after this time, unless it is the first. */
  readonly seconds: number
  /** So many, chosen by the seed. Default 10. */
  readonly workloads?: number
  /** 1: all of them, whatever the time. */
  readonly all?: number
  /** Only the bug of this name. */
  readonly case?: string
  /** Only bugs that are shown to one of these first. */
  readonly firstPrograms?: readonly ProgramName[]
  /** Whether each program is run without a bug as well. Default true. */
  readonly controls?: boolean
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  /** Those that were seeded, but those that are explained. */
  bugs: number
  killed: number
  percentKilled: number
  /** By name, with what the programs said. */
  survivors: string
  /** Survivors of which the catalog says why. */
  explained: string
  /** Not seeded: their programs do not exist yet. */
  waiting: string
}

/** How a program ended. */
type Ending =
  | { readonly kind: 'violation'; readonly message: string }
  | { readonly kind: 'passed' }
  /** It says nothing of the engine. */
  | { readonly kind: 'failed'; readonly message: string }

const BAR_PERCENT = 90

/** @throws Violation if too many survive, or one of which the catalog does not say why */
export async function bugBench(budget: Budget): Promise<Summary> {
  const began = Date.now()
  const { seed, seconds, all = 0, controls = true } = budget
  const bench = new Bench(controls)
  const waiting = Object.keys(CATALOG).filter((name) => programsOf(name).length === 0)
  const survivors = new Map<string, string>()
  const explained: string[] = []
  let bugs = 0
  try {
    for (const name of chosen(budget)) {
      if (bugs > 0 && all === 0 && Date.now() - began > seconds * 1000) break
      const start = Date.now()
      const outcome = await bench.tryBug(name)
      const took = `${Math.round((Date.now() - start) / 1000)} s`
      const { killer, said } = outcome
      console.log(
        killer === undefined
          ? `SURVIVED ${name} (${took}): ${said}`
          : `killed ${name} by ${killer} (${took}): ${said}`,
      )
      const why = CATALOG[name]?.explained
      if (killer === undefined && why !== undefined) {
        explained.push(`${name}: ${why}`)
        continue
      }
      bugs++
      if (killer === undefined) survivors.set(name, said)
    }
  } finally {
    bench.end()
  }
  const killed = bugs - survivors.size
  const summary: Summary = {
    program: 'bug-bench',
    seed,
    seconds: (Date.now() - began) / 1000,
    bugs,
    killed,
    percentKilled: bugs === 0 ? 100 : Math.floor((100 * killed) / bugs),
    survivors: [...survivors].map(([name, said]) => `${name}: ${said}`).join('\n'),
    explained: explained.join('\n'),
    waiting: waiting.join('\n'),
  }
  if (survivors.size === 0) return summary
  const few =
    summary.percentKilled < BAR_PERCENT
      ? `only ${summary.percentKilled} % of ${bugs} bugs are noticed`
      : `${survivors.size} of ${bugs} bugs are not noticed`
  const repeat = [...survivors.keys()].map((name) => `  node test/torture/run.mjs bug-bench --case '${name}'`)
  throw new Violation([`${few}:`, summary.survivors, ...repeat].join('\n'))
}

/** The names of the bugs to be seeded. */
function chosen({ seed, all = 0, workloads = 10, case: wanted, firstPrograms }: Budget): readonly string[] {
  const names = Object.keys(CATALOG)
  if (wanted !== undefined) {
    if (programsOf(wanted).length === 0) throw new RangeError(`no bug '${wanted}' that a program waits for`)
    return [wanted]
  }
  const possible = names.filter((name) => {
    const [first] = programsOf(name)
    return first !== undefined && (firstPrograms?.includes(first) ?? true)
  })
  if (all !== 0) return possible
  const random = mulberry32(seed)
  const left = possible.filter((name) => CATALOG[name]?.explained === undefined)
  return Array.from({ length: Math.min(workloads, left.length) }, () =>
    left.splice(pick(random, left.length), 1),
  ).flat()
}

/** The programs that should notice a bug, as far as they exist. */
function programsOf(name: string): readonly ProgramName[] {
  const programs = CATALOG[name]?.programs ?? []
  return programs.filter((program) => existsSync(join(root, sourceOf(program))))
}

class Bench {
  readonly #controls: boolean
  /** Programs that were run without a bug. */
  readonly #honest = new Set<ProgramName>()

  constructor(controls: boolean) {
    this.#controls = controls
  }

  /** Shows a bug to its programs, one after the other. @returns the one that noticed it, if one did, and what was said */
  async tryBug(name: string): Promise<{ killer: ProgramName | undefined; said: string }> {
    const said: string[] = []
    const { patches } = CATALOG[name] as SeededBug
    for (const program of programsOf(name)) {
      const ending = await this.#run(program, patches)
      if (ending.kind === 'violation') {
        await this.#requireHonest(program)
        return { killer: program, said: ending.message.split('\n')[0] ?? '' }
      }
      said.push(
        `${program} ${ending.kind === 'passed' ? 'finds nothing' : `says nothing of it: ${ending.message}`}`,
      )
    }
    return { killer: undefined, said: said.join('; ') }
  }

  end(): void {
    for (const program of Object.keys(BUDGETS)) rmSync(join(root, bundleOf(program)), { force: true })
  }

  /** @throws Violation if a program finds something where there is no bug */
  async #requireHonest(program: ProgramName): Promise<void> {
    if (!this.#controls || this.#honest.has(program)) return
    const ending = await this.#run(program, [])
    if (ending.kind !== 'passed')
      throw new Violation(`without a seeded bug ${program} does not pass: ${ending.message}`)
    this.#honest.add(program)
  }

  async #run(program: ProgramName, patches: readonly Patch[]): Promise<Ending> {
    const { options, limitSeconds, takesPatches } = BUDGETS[program]
    try {
      const file = await bundleWithEngine(sourceOf(program), bundleOf(program), takesPatches ? [] : patches)
      const request = { file, run: functionOf(program), options: { ...options, patches } }
      const child = join(root, 'test/torture/bugs/child.mjs')
      const { report, failure } = await runChild<{ violation?: string }>(child, request, limitSeconds * 1000)
      if (failure !== undefined) return { kind: 'failed', message: failure.slice(0, 2000) }
      return report.violation === undefined
        ? { kind: 'passed' }
        : { kind: 'violation', message: report.violation }
    } catch (error) {
      return { kind: 'failed', message: String(error) }
    }
  }
}

function bundleOf(program: string): string {
  return `build/torture/bugs/${program}-${process.pid}.mjs`
}
