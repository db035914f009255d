// Runs a torture program for as long as asked: node test/torture/run.mjs crash-points --seconds 60 --seed 7
// Prints the seed first, a JSON summary last; on a violation what was violated, the command that repeats it, and exits with 1.
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const programs = {
  'crash-points': 'crashPoints',
  'io-errors': 'ioErrors',
  sched: 'sched',
  spin: 'spin',
  isolation: 'isolation',
  'gc-under-load': 'gcUnderLoad',
}
/** Options that are not numbers. */
const texts = ['case', 'schedule', 'death']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    steps: { type: 'string' },
    workloads: { type: 'string' },
    all: { type: 'string' },
    case: { type: 'string' },
    schedule: { type: 'string' },
    death: { type: 'string' },
  },
})
const [name = ''] = positionals
if (!(name in programs)) {
  console.error(
    `usage: node test/torture/run.mjs ${Object.keys(programs).join('|')} [--seconds n] [--seed n] [--steps n] [--workloads n] [--all 1] [--case name] [--schedule moves] [--death thread:point[:trap]]`,
  )
  process.exit(2)
}
const options = Object.fromEntries(
  Object.entries(values).map(([key, value]) => [key, texts.includes(key) ? value : Number(value)]),
)

const here = dirname(fileURLToPath(import.meta.url))
const outfile = join(here, '../../build/torture', `${name}.mjs`)
mkdirSync(dirname(outfile), { recursive: true })
await build({
  entryPoints: [join(here, `${name}.ts`)],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  outfile,
  external: ['esbuild'],
  logLevel: 'warning',
})
process.setSourceMapsEnabled(true)
console.log(`${name}: seed ${options.seed}, ${options.seconds} s`)
const program = (await import(pathToFileURL(outfile).href))[programs[name]]
try {
  console.log(JSON.stringify(await program(options), undefined, 2))
} catch (error) {
  console.error(error)
  console.log(
    JSON.stringify({ program: name, ...options, violation: String(error?.message ?? error) }, undefined, 2),
  )
  process.exit(1)
}
