import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosenBy } from './choice.mjs'
import { DISTURBED_FROM_CORES, waitForCalm } from './concurrency/machine.mjs'
import { JSON_MARK } from './concurrency/rounds.mjs'
import { ENGINES } from './engines/index.mjs'
import { idleProcessBytes } from './idle-process.mjs'
import { figureOf, PEERS, verdictsOf } from './macro/verdicts.mjs'
import { formatFigure } from './macro/format.mjs'
import { WORKLOADS } from './macro/workloads.mjs'

export { added } from './macro/addition.mjs'

const MEMORY_LIMIT_BYTES = 256 << 20

/**
 * db_bench's workloads and YCSB's on varve and its peers: a fresh process for each run, the engines in turn. VARVE_BENCH_ENGINES and VARVE_BENCH_LINES choose (separated by semicolons),
 * VARVE_BENCH_KIND=strings has UTF-8 strings for keys and values.
 */
export async function run({ rounds }) {
  const engines = chosenBy('VARVE_BENCH_ENGINES', Object.keys(ENGINES), ['varve', ...PEERS])
  const names = chosenBy('VARVE_BENCH_LINES', Object.keys(WORKLOADS))
  const kind = process.env.VARVE_BENCH_KIND ?? 'bytes'
  const memoryLimitBytes = idleProcessBytes(ENGINES.varve.threads) + 1.1 * MEMORY_LIMIT_BYTES
  const lines = {}
  process.stdout.write(`\n### ${kind}: operations per second, medians of ${rounds}\n\n`)
  process.stdout.write(`| workload | ${engines.join(' | ')} | to the best peer | bar | |\n`)
  process.stdout.write(`|---|${engines.map(() => '--:').join('|')}|--:|--:|---|\n`)
  try {
    for (const name of names) {
      const workload = WORKLOADS[name]
      const bars = kind === 'strings' ? (workload.barsOfStrings ?? workload.bars) : workload.bars
      const runs = Object.fromEntries(engines.map((engine) => [engine, []]))
      for (let round = 0; round < rounds; round++) {
        for (const engine of engines) {
          await waitForCalm()
          runs[engine].push(measureIn(name, engine, kind))
        }
      }
      const unit = workload.unit ?? 'ops/s'
      const verdicts = verdictsOf({ bars, unit: workload.unit }, runs, memoryLimitBytes)
      lines[name] = { unit, runs, verdicts }
      print(name, engines, lines[name])
    }
  } finally {
    removeDatabases()
  }
  const used = Object.fromEntries(
    engines.map((name) => [name, { durability: ENGINES[name].durability, threads: ENGINES[name].threads }]),
  )
  return { kind, engines: used, lines }
}

function print(name, engines, { unit, runs, verdicts }) {
  const isDisturbed = Object.values(runs)
    .flat()
    .some(({ othersCores }) => othersCores > DISTURBED_FROM_CORES)
  const cells = engines.map((engine) => formatFigure(figureOf(runs[engine]), unit))
  const number = (value) => (value > 1000 ? formatFigure(value, unit) : value.toFixed(2))
  const ratios = verdicts.map(
    ({ value, best }) => `${number(value)}${best === undefined ? '' : ` × ${best}`}`,
  )
  const bars = verdicts.map(({ least, most }) => (least === undefined ? `≤ ${number(most)}` : `≥ ${least}`))
  const said = verdicts.map(({ holds }) => (holds ? 'holds' : 'MISSED'))
  process.stdout.write(
    `| ${name} | ${cells.join(' | ')} | ${ratios.join(', ')} | ${bars.join(', ')} | ${said.join(', ')}${isDisturbed ? ' (disturbed)' : ''} |\n`,
  )
}

function measureIn(name, engine, kind) {
  const child = fileURLToPath(new URL('./macro/child.mjs', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, name, engine, kind], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  })
  if (status !== 0) return { isAbsent: true, why: stderr.trim().split('\n').slice(-6).join(' ') }
  const { figures, othersCores } = JSON.parse(stdout.split(JSON_MARK)[1])
  return { ...figures, othersCores }
}

function removeDatabases() {
  const root = process.env.VARVE_BENCH_DIR ?? tmpdir()
  for (const name of readdirSync(root)) {
    if (name.startsWith('varve-macro-')) rmSync(join(root, name), { recursive: true, force: true })
  }
}
