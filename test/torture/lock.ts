/**
 * T16 of RELIABILITY.md: processes race to open a database, and their winner closes it, is killed or ends; between the races everything else that may happen to a lock. There is never
 * more than one owner; others hear LOCKED within a second, and whoever asks when there is none becomes it within a second.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mulberry32, pick } from '../support/random.ts'
import { HostDelay } from './processes/host-delay.ts'
import { LOCK_CASES, requireLocked, takeOver, type LockWorld } from './processes/lock-cases.ts'
import { Rival } from './processes/rival.ts'
import { Violation } from './runner.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'
import type { Patch } from './threads/patches.ts'

export interface Budget {
  readonly seed: number
  /** Nothing new is begun after this time, */
  readonly seconds: number
  /** nor after so many races. */
  readonly races?: number
  /** Only this one. */
  readonly case?: string
  /** Seeded, for positive controls. */
  readonly patches?: readonly Patch[]
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  races: number
  kills: number
  cases: number
  slowestRefusalMs: number
  slowestTakeoverMs: number
}

const LIMIT_MS = 1000
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Race after race. @throws Violation with the command that repeats it */
export async function lock(budget: Budget): Promise<Summary> {
  const { seed, seconds, races = Infinity, patches = [] } = budget
  const began = Date.now()
  const suffix = patches.length === 0 ? '' : `-patched-${process.pid}`
  const folder = 'build/torture/processes'
  const library = await bundleWithEngine('src/index.ts', `${folder}/library${suffix}.mjs`, patches)
  const file = await bundleWithEngine('test/torture/processes/contender.ts', `${folder}/contender.mjs`, [])
  const root = mkdtempSync(join(base, 'varve-lock-'))
  mkdirSync(join(root, 'parent'))
  const names = Object.keys(LOCK_CASES).filter((name) => budget.case === undefined || name === budget.case)
  const summary: Summary = {
    program: 'lock',
    seed,
    seconds: 0,
    races: 0,
    kills: 0,
    cases: 0,
    slowestRefusalMs: 0,
    slowestTakeoverMs: 0,
  }
  const world = new World(file, library, join(root, 'parent', 'database'), mulberry32(seed), summary)
  const delay = new HostDelay()
  let what = 'races'
  try {
    await Promise.all([world.a.ready, world.b.ready])
    while (summary.races < races && Date.now() - began < seconds * 1000) {
      const heldUpMs = delay.ms
      what = 'a race'
      await race(world)
      what = names[summary.races % names.length] ?? ''
      await LOCK_CASES[what]?.(world)
      summary.races++
      summary.cases++
      if (summary.slowestRefusalMs > LIMIT_MS + delay.ms - heldUpMs)
        throw new Violation(`LOCKED came after ${Math.round(summary.slowestRefusalMs)} ms`)
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    const repeat = `node test/torture/run.mjs lock --seed ${seed} --seconds ${seconds}`
    throw new Violation(`${what}: ${error.message}\n  after ${summary.races} races; again: ${repeat}`, {
      cause: error,
    })
  } finally {
    delay.end()
    await Promise.all([world.a.kill(), world.b.kill()])
    rmSync(root, { recursive: true, force: true })
    if (patches.length > 0) rmSync(library)
  }
  summary.seconds = (Date.now() - began) / 1000
  return summary
}

class World implements LockWorld {
  readonly directory: string
  readonly random: () => number
  a: Rival
  b: Rival
  readonly #file: string
  readonly #library: string
  readonly #summary: Summary

  constructor(file: string, library: string, directory: string, random: () => number, summary: Summary) {
    this.#file = file
    this.#library = library
    this.#summary = summary
    this.directory = directory
    this.random = random
    this.a = new Rival(file, library)
    this.b = new Rival(file, library)
  }

  async replace(which: 'a' | 'b'): Promise<void> {
    this[which] = new Rival(this.#file, this.#library)
    this.#summary.kills++
    await this[which].ready
  }

  note(figure: 'slowestTakeoverMs' | 'slowestRefusalMs', ms: number): void {
    this.#summary[figure] = Math.max(this.#summary[figure], Math.round(ms))
  }
}

/** Both open at the same moment. The winner goes, in one way or another, and the other one follows. */
async function race(world: World): Promise<void> {
  const { random, directory } = world
  const atMs = Date.now() + 5
  const rivals = ['a', 'b'] as const
  const answers = await Promise.all(
    rivals.map((name) =>
      world[name].ask({ do: 'open', location: directory, name: 'db', atMs: atMs + pick(random, 2) }),
    ),
  )
  const winners = rivals.filter((_, i) => answers[i]?.code === 'ok')
  const [winner] = winners
  if (winner === undefined || winners.length > 1) {
    const said = answers.map(({ code, message }) => `${code} ${message}`).join(', ')
    throw new Violation(`${winners.length} owners after a race: ${said}`)
  }
  const loser = winner === 'a' ? 'b' : 'a'
  for (const answer of answers) if (answer.code !== 'ok') requireLocked(world, answer, 'a race')
  if (random() < 0.6) {
    await world[winner].kill()
    await takeOver(world, world[loser], 'a killed owner')
    await world.replace(winner)
  } else {
    await world[winner].must({ do: 'close', name: 'db' })
    await takeOver(world, world[loser], 'a closed database')
  }
  requireLocked(world, await world[winner].ask({ do: 'open', location: directory, name: 'db' }), 'a takeover')
  await world[loser].must({ do: 'close', name: 'db' })
}
