// Runs a torture program for as long as asked: node test/torture/run.mjs crash-points --seconds 60 --seed 7
// Prints the seed first, a JSON summary last; on a violation what was violated, the command that repeats it, and exits with 1.
// `short` runs all of them, each with what RELIABILITY.md's short column asks for; `all` the long column. Summaries are left in build/torture/.
// `report` makes docs/reliability.md of the last summary of each.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { PROGRAMS } from './programs.mjs'

/** A machine that is so much slower than those the budgets are for gets no more time. */
const SLOWEST = 8

/** Options that are not numbers. */
const TEXTS = ['case', 'schedule', 'death', 'summary']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    steps: { type: 'string' },
    workloads: { type: 'string' },
    flips: { type: 'string' },
    kills: { type: 'string' },
    races: { type: 'string' },
    all: { type: 'string' },
    passes: { type: 'string' },
    case: { type: 'string' },
    schedule: { type: 'string' },
    death: { type: 'string' },
    /** A file for the summary. */
    summary: { type: 'string' },
  },
})
const [name = ''] = positionals
const here = dirname(fileURLToPath(import.meta.url))
const folder = join(here, '../../build/torture')
mkdirSync(folder, { recursive: true })

if (name === 'short' || name === 'all') runAll(name === 'short' ? 'short' : 'long')
else if (name === 'report') await report()
else await runOne(PROGRAMS.find((program) => program.name === name))

async function runOne(program) {
  if (program === undefined) {
    const names = PROGRAMS.map((each) => each.name).join('|')
    console.error(
      `usage: node test/torture/run.mjs ${names}|short|all|report [--seconds n] [--seed n] [--steps n] [--workloads n] [--flips n] [--kills n] [--races n] [--all 1] [--passes n] [--case name] [--schedule moves] [--death thread:point[:trap]] [--summary file]`,
    )
    process.exit(2)
  }
  // What was run again to look at one case says nothing about the program.
  const isReplay = TEXTS.some((key) => values[key] !== undefined)
  const { summary: summaryFile = isReplay ? undefined : summaryFileOf(name), ...given } = values
  const options = Object.fromEntries(
    Object.entries({ seconds: '60', ...given }).map(([key, value]) => [
      key,
      TEXTS.includes(key) ? value : Number(value),
    ]),
  )
  const bundle = await bundled(name)
  console.log(`${name}: seed ${options.seed}, ${options.seconds} s`)
  const began = Date.now()
  const leave = (summary) => {
    if (summaryFile === undefined) return
    const seconds = Math.round((Date.now() - began) / 1000)
    writeFileSync(summaryFile, JSON.stringify({ ...summary, run: { options, seconds, ...machine() } }))
  }
  try {
    const summary = await bundle[program.run](options)
    console.log(JSON.stringify(summary, undefined, 2))
    leave(summary)
  } catch (error) {
    console.error(error)
    const violation = { program: name, ...options, violation: String(error?.message ?? error) }
    console.log(JSON.stringify(violation, undefined, 2))
    leave(violation)
    process.exit(1)
  }
}

/** A file of this folder with what it imports, as one module. */
async function bundled(file) {
  const outfile = join(folder, `${file}.mjs`)
  await build({
    entryPoints: [join(here, `${file}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    outfile,
    external: ['assemblyscript', 'commander', 'esbuild', 'lz4js', 'playwright', 'prettier'],
    logLevel: 'warning',
  })
  process.setSourceMapsEnabled(true)
  return import(pathToFileURL(outfile).href)
}

async function report() {
  const { writeReport } = await bundled('report')
  const file = join(here, '../../docs/reliability.md')
  await writeReport({ programs: PROGRAMS, folder, file })
  console.log(`wrote ${file}`)
}

function summaryFileOf(program) {
  return join(folder, `${program}.summary.json`)
}

/** Where and when: the report says it. */
function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
  }
}

/** Every program that the column has something for, in a process of its own, one after the other. */
function runAll(column) {
  const began = Date.now()
  const results = []
  for (const program of PROGRAMS.filter((each) => each[column] !== undefined)) {
    const file = summaryFileOf(program.name)
    rmSync(file, { force: true })
    const start = Date.now()
    const bars = column === 'short' ? Object.entries(program.bars) : []
    const attempt = (options) => {
      const args = Object.entries({ seed: values.seed, ...options }).flatMap(([key, value]) => [
        `--${key}`,
        String(value),
      ])
      const command = [fileURLToPath(import.meta.url), program.name, ...args]
      const { status } = spawnSync(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] })
      const summary = readSummary(file)
      // So that the report does not take it for one that did not run.
      if (summary.run === undefined) writeFileSync(file, JSON.stringify(summary))
      const missed = bars.filter(([figure, bar]) => !(summary[figure] >= bar))
      return { status, summary, missed }
    }
    let { status, summary, missed } = attempt(program[column])
    const { seconds: budget } = program[column]
    if (status === 0 && summary.violation === undefined && missed.length > 0 && budget !== undefined) {
      // NOTE: what is promised are counts; a slow machine takes longer for them.
      const lacking = Math.max(...missed.map(([figure, bar]) => bar / Math.max(1, summary[figure] ?? 0)))
      const more = Math.ceil(budget * Math.min(SLOWEST, 1.3 * lacking))
      ;({ status, summary, missed } = attempt({ ...program[column], seconds: more }))
    }
    const seconds = Math.round((Date.now() - start) / 1000)
    const passed = status === 0 && summary.violation === undefined && missed.length === 0
    results.push({ name: program.name, test: program.test, seconds, passed, bars: program.bars, summary })
    const figures = Object.entries(program.bars).map(
      ([figure, bar]) => `${figure} ${summary[figure] ?? '–'} (≥ ${bar})`,
    )
    console.log(
      `${passed ? 'ok  ' : 'FAIL'} ${program.name.padEnd(20)} ${String(seconds).padStart(5)} s  ${figures.join(', ')}`,
    )
    if (summary.violation !== undefined) console.log(`     ${summary.violation.split('\n').join('\n     ')}`)
  }
  const failed = results.filter((result) => !result.passed).length
  const minutes = ((Date.now() - began) / 60_000).toFixed(1)
  const report = {
    column,
    seed: Number(values.seed),
    minutes: Number(minutes),
    ...machine(),
    results,
  }
  writeFileSync(join(folder, `${column}.json`), JSON.stringify(report, undefined, 2))
  console.log(`${results.length - failed} passed, ${failed} failed, ${minutes} min, seed ${values.seed}`)
  process.exit(failed === 0 ? 0 : 1)
}

function readSummary(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { violation: 'it ended without a summary' }
  }
}
