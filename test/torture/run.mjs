// Runs a torture program for as long as asked: node test/torture/run.mjs crash-points --seconds 60 --seed 7
// Prints the seed first, a JSON summary last; on a violation what was violated, the command that repeats it, and exits with 1.
// `short` runs all of them, each with what RELIABILITY.md's short column asks for; `all` the long column. Both leave their summaries in build/torture/.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { PROGRAMS } from './programs.mjs'

/** Options that are not numbers. */
const TEXTS = ['case', 'schedule', 'death', 'summary']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    steps: { type: 'string' },
    workloads: { type: 'string' },
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
else await runOne(PROGRAMS.find((program) => program.name === name))

async function runOne(program) {
  if (program === undefined) {
    const names = PROGRAMS.map((each) => each.name).join('|')
    console.error(
      `usage: node test/torture/run.mjs ${names}|short|all [--seconds n] [--seed n] [--steps n] [--workloads n] [--kills n] [--races n] [--all 1] [--passes n] [--case name] [--schedule moves] [--death thread:point[:trap]] [--summary file]`,
    )
    process.exit(2)
  }
  const { summary: summaryFile, ...given } = values
  const options = Object.fromEntries(
    Object.entries({ seconds: '60', ...given }).map(([key, value]) => [
      key,
      TEXTS.includes(key) ? value : Number(value),
    ]),
  )
  const outfile = join(folder, `${name}.mjs`)
  await build({
    entryPoints: [join(here, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    outfile,
    external: ['assemblyscript', 'commander', 'esbuild', 'lz4js'],
    logLevel: 'warning',
  })
  process.setSourceMapsEnabled(true)
  console.log(`${name}: seed ${options.seed}, ${options.seconds} s`)
  const run = (await import(pathToFileURL(outfile).href))[program.run]
  try {
    const summary = await run(options)
    console.log(JSON.stringify(summary, undefined, 2))
    if (summaryFile !== undefined) writeFileSync(summaryFile, JSON.stringify(summary))
  } catch (error) {
    console.error(error)
    const violation = { program: name, ...options, violation: String(error?.message ?? error) }
    console.log(JSON.stringify(violation, undefined, 2))
    if (summaryFile !== undefined) writeFileSync(summaryFile, JSON.stringify(violation))
    process.exit(1)
  }
}

/** Every program in a process of its own, one after the other. */
function runAll(column) {
  const began = Date.now()
  const results = []
  for (const program of PROGRAMS) {
    const file = join(folder, `${program.name}.summary.json`)
    rmSync(file, { force: true })
    const options = Object.entries({ seed: values.seed, ...program[column] })
    const args = options.flatMap(([key, value]) => [`--${key}`, String(value)])
    const start = Date.now()
    const { status } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), program.name, ...args, '--summary', file],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const summary = readSummary(file)
    const seconds = Math.round((Date.now() - start) / 1000)
    const missed = Object.entries(column === 'short' ? program.bars : {}).filter(
      ([figure, bar]) => !(summary[figure] >= bar),
    )
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
    node: process.version,
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
