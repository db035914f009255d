/** Runs the model checker Spin: a model with its macros becomes a C program, which searches all interleavings. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Macros } from './models.ts'

/** NOTE: the same place from here and from the bundle in build/torture. */
const MODELS_FOLDER = ['./', '../../test/torture/spin/']
  .map((place) => fileURLToPath(new URL(place, import.meta.url)))
  .find((place) => existsSync(join(place, 'mutex.pml'))) as string

/** What a search may take. */
const DEPTH = 10_000
const MEMORY_MB = 2000
const LARGE_MEMORY_MB = 6000
const OUTPUT_BYTES = 16 * 1024 * 1024
/** Steps of a trail that are shown: its end. */
const TRAIL_LINES = 60

export interface Search {
  readonly model: string
  readonly macros: Macros
  readonly liveness?: boolean | undefined
  /** More than what a short run can do: compiled for speed, its states compressed. */
  readonly isLarge?: boolean
  /** Whether the steps to an error are wanted. */
  readonly withTrail?: boolean
  /** Longest path that is searched; tests make it small. */
  readonly depth?: number
}

export interface Found {
  /** Whether every state within the bounds was seen, and no error. */
  readonly holds: boolean
  /** The first error, if there is one. */
  readonly error: string | undefined
  /** The steps that lead to it, if they were asked for. */
  readonly trail: string
  readonly states: number
  readonly depth: number
  readonly seconds: number
  readonly memoryMB: number
}

/** @throws Error if the search did not come to its end, or a tool is missing */
export async function search(what: Search): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-spin-'))
  try {
    return await searchIn(folder, what)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function searchIn(folder: string, what: Search): Promise<Found> {
  const { model, liveness = false, isLarge = false } = what
  for (const name of readdirSync(MODELS_FOLDER)) {
    if (name.endsWith('.pml')) copyFileSync(join(MODELS_FOLDER, name), join(folder, name))
  }
  const source = `${model}.pml`
  const macros = Object.entries(what.macros).map(([name, value]) => `-D${name}=${value}`)
  if (liveness) macros.push('-DLIVENESS')
  const startMs = performance.now()
  await run(folder, 'spin', ['-a', ...macros, source])
  const options = [
    `-DMEMLIM=${isLarge ? LARGE_MEMORY_MB : MEMORY_MB}`,
    ...(liveness ? ['-DNFAIR=4'] : ['-DSAFETY']),
    // NOTE: what partial order reduction leaves out is not worth a proof that `unless` is no matter to it.
    ...((what.macros['DEATHS'] ?? 0) > 0 ? ['-DNOREDUCE'] : []),
  ]
  await compile(folder, options, isLarge)
  const depth = what.depth ?? DEPTH
  const output = await run(folder, './pan', [`-m${depth}`, '-w20', ...(liveness ? ['-a', '-f'] : [])])
  const seconds = (performance.now() - startMs) / 1000
  const figures = {
    states: number(output, /(\d+) states, stored/),
    depth: number(output, /depth reached (\d+)/),
    seconds: Math.round(seconds * 100) / 100,
    memoryMB: Math.round(number(output, /([\d.]+)\s+total actual memory usage/)),
  }
  const errors = number(output, /errors: (\d+)/)
  if (errors === 0) {
    // INVARIANT: what was not searched to its end proves nothing.
    if (/max search depth too small|Search not completed|out of memory|reached -DMEMLIM/.test(output)) {
      throw new Error(`the search of ${described(what)} is not complete:\n${output}`)
    }
    return { holds: true, error: undefined, trail: '', ...figures }
  }
  const error = /^pan:\s?\d*:?\s*(.*)$/m.exec(output)?.[1]
  if (
    error === undefined ||
    error.includes('max search depth') ||
    !existsSync(join(folder, `${source}.trail`))
  ) {
    throw new Error(`the search of ${described(what)} failed:\n${output}`)
  }
  const trail = what.withTrail ? await run(folder, 'spin', ['-t', '-p', '-g', '-l', ...macros, source]) : ''
  return {
    holds: false,
    error: error.replaceAll(/\s+/g, ' ').slice(0, 200),
    trail: trail.trimEnd().split('\n').slice(-TRAIL_LINES).join('\n'),
    ...figures,
  }
}

export function described({ model, macros, liveness }: Search): string {
  const bounds = Object.entries(macros).map(([name, value]) =>
    name.startsWith('BUG_') ? name : `${name}=${value}`,
  )
  return `${model} (${bounds.join(' ')}${liveness ? ', liveness' : ''})`
}

/** Makes the search of it: `pan`. NOTE: most searches are shorter than gcc takes; tcc takes a hundredth of that, where it is installed. */
async function compile(folder: string, options: readonly string[], isLarge: boolean): Promise<void> {
  const what = ['-w', ...options, '-o', 'pan', 'pan.c']
  if (!isLarge) {
    try {
      await run(folder, 'tcc', what)
      return
    } catch {
      // It is not there, or takes no part of the program that Spin has written.
    }
  }
  await run(folder, 'gcc', isLarge ? ['-O2', '-DCOLLAPSE', ...what] : ['-O0', ...what])
}

/** What a program prints. NOTE: pan ends with 0 whatever it finds, spin -t with the number of its last complaint. */
function run(folder: string, program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: folder, maxBuffer: OUTPUT_BYTES }, (error, stdout, stderr) => {
      if (error === null || args[0] === '-t' || program === './pan') return resolve(stdout + stderr)
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        return reject(new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`))
      }
      reject(
        new Error(
          `${program} is missing: the models of test/torture/spin need the Debian packages spin and gcc (apt-get install spin gcc).`,
        ),
      )
    })
  })
}

function number(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? NaN : Number(found)
}
