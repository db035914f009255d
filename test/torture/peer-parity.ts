/**
 * T23 of RELIABILITY.md: the same damages to the files of varve and of the engines that Node.js programs use instead, in processes that may die of them. The same entries are
 * written to each; then, again and again, one random bit of a copy is flipped, or one file cut off; the copy is opened, read forward and backward, and every key looked up.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeDamage } from './peers/damage.ts'
import { findPeer, versionIn } from './peers/engine.ts'
import type { EngineFigures } from './peers/figures.ts'
import { EngineProcess } from './peers/process.ts'
import { Subject, type Result } from './peers/subject.ts'
import { root } from './root.ts'
import { Violation } from './runner.ts'
import { bundleWithEngine } from './threads/engine-bundle.ts'

export interface Budget {
  readonly seed: number
  readonly seconds: number
  /** For each engine; a quarter as many files are cut off. */
  readonly flips?: number
  readonly engines?: readonly string[]
  /** After how long an answer is no longer waited for. */
  readonly hangMs?: number
}

export interface Summary {
  program: string
  seed: number
  seconds: number
  flips: number
  truncations: number
  /** Of varve's: 0, or there is a violation; but see judge(). */
  varveSilent: number
  varveDied: number
  varveHung: number
  engines: EngineFigures[]
}

const ENGINES: readonly string[] = ['varve', 'classic-level', 'lmdb']

/** In memory where the host has such a place. */
const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** @throws Violation with the command that repeats it, when varve does not report what was damaged */
export async function peerParity(budget: Budget): Promise<Summary> {
  const began = Date.now()
  const { seed, seconds, flips = 2000, engines = ENGINES, hangMs = 5000 } = budget
  const file = await bundleWithEngine('test/torture/peers/child.ts', 'build/torture/peers/child.mjs', [])
  const directory = await mkdtemp(join(base, 'varve-peers-'))
  const subjects: Subject[] = []
  const missing: EngineFigures[] = []
  try {
    for (const engine of engines) {
      const version = versionOf(engine)
      if (version === undefined) {
        const why = `${engine} is not installed (npm install --prefix bench)`
        missing.push({ engine, version: '', missing: why, kinds: [] })
        continue
      }
      const process = new EngineProcess(file, [engine, String(seed), root], hangMs)
      try {
        const options = { engine, version, process, seed, flips, truncations: Math.ceil(flips / 4) }
        subjects.push(
          await Subject.make({ ...options, directory: join(directory, engine.replace(':', '-')) }),
        )
      } catch (error) {
        await process.end()
        if (isOwn(engine)) throw error
        missing.push({ engine, version, missing: String(error), kinds: [] })
      }
    }
    // One of each in turn, so that each has had the same number when it ends.
    while (Date.now() - began < seconds * 1000 && subjects.some((subject) => !subject.isDone)) {
      for (const subject of subjects) {
        const result = await subject.step()
        if (subject.engine === 'varve' && result !== undefined) judge(result, budget)
      }
    }
  } finally {
    for (const subject of subjects) await subject.end()
    await rm(directory, { recursive: true, force: true })
  }
  return summarize(subjects, missing, seed, (Date.now() - began) / 1000)
}

function isOwn(engine: string): boolean {
  return engine === 'varve' || engine.startsWith('careless:')
}

/** The version of an engine that is there: an installed package, or a part of the project. */
function versionOf(engine: string): string | undefined {
  return isOwn(engine) ? versionIn(root) : findPeer(engine, root)?.version
}

/** @throws Violation unless varve had nothing to report, or reported all */
function judge({ damage, outcome, observation }: Result, { seed, seconds, flips = 2000 }: Budget): void {
  if (outcome === 'noEffect' || outcome === 'reported') return
  // NOTE: a log that is cut off right behind a batch cannot be told from one that ends there.
  const isCutLog = damage.type === 'truncation' && damage.file.kind === 'log'
  if (isCutLog && outcome === 'silent' && observation?.isEarlierState === true) return
  throw new Violation(
    `varve, ${describeDamage(damage)}: ${outcome} ${JSON.stringify(observation ?? {})}` +
      `\n  again: node test/torture/run.mjs peer-parity --seed ${seed} --seconds ${seconds} --flips ${flips}`,
  )
}

function summarize(
  subjects: readonly Subject[],
  missing: readonly EngineFigures[],
  seed: number,
  seconds: number,
): Summary {
  const engines = [
    ...subjects.map(({ engine, version, figures }): EngineFigures => ({ engine, version, kinds: figures })),
    ...missing,
  ]
  const sum = (
    figure: 'runs' | 'silent' | 'died' | 'hung',
    only: (engine: string, type: string) => boolean,
  ): number =>
    engines.reduce(
      (total, { engine, kinds }) =>
        total + kinds.reduce((count, row) => count + (only(engine, row.type) ? row[figure] : 0), 0),
      0,
    )
  return {
    program: 'peer-parity',
    seed,
    seconds,
    flips: sum('runs', (_, type) => type === 'flip'),
    truncations: sum('runs', (_, type) => type === 'truncation'),
    varveSilent: sum('silent', (engine) => engine === 'varve'),
    varveDied: sum('died', (engine) => engine === 'varve'),
    varveHung: sum('hung', (engine) => engine === 'varve'),
    engines,
  }
}
