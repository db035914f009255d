import { readdirSync, rmSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './measure.mjs'
import { DISTURBED_FROM_CORES, waitForCalm } from './concurrency/machine.mjs'
import { JSON_MARK } from './concurrency/rounds.mjs'
import { WORKLOADS } from './macro/workloads.mjs'

const list = (name, otherwise) => process.env[name]?.split(',') ?? otherwise
/** What is compared, and which of them the ratios are of. VARVE_BENCH_ENGINES, VARVE_BENCH_LINES choose. */
const OURS = ['varve']
const PEERS = ['classic-level', 'lmdb', 'sqlite-tuned', 'rocksdb']

/** db_bench's workloads and YCSB's on varve and its peers: a fresh process for each run, the engines in turn. */
export async function run({ rounds }) {
  const engines = list('VARVE_BENCH_ENGINES', [...OURS, ...PEERS])
  const lines = list('VARVE_BENCH_LINES', Object.keys(WORKLOADS))
  const kind = process.env.VARVE_BENCH_KIND ?? 'bytes'
  const results = {}
  process.stdout.write(`\n### ${kind}: operations per second, medians of ${rounds}\n\n`)
  process.stdout.write(`| workload | ${engines.join(' | ')} | to the best peer | bar | |\n`)
  process.stdout.write(`|---|${engines.map(() => '--:').join('|')}|--:|--:|---|\n`)
  try {
    for (const line of lines) {
      const figures = Object.fromEntries(engines.map((engine) => [engine, []]))
      for (let round = 0; round < rounds; round++) {
        for (const engine of engines) {
          await waitForCalm()
          figures[engine].push(measureIn(line, engine, kind))
        }
      }
      results[line] = figures
      print(line, engines, figures)
    }
  } finally {
    const root = process.env.VARVE_BENCH_DIR ?? tmpdir()
    for (const name of readdirSync(root))
      if (name.startsWith('varve-macro-')) rmSync(join(root, name), { recursive: true, force: true })
  }
  return results
}

function rateOf(runs) {
  const rates = runs
    .filter((each) => each.ms !== undefined)
    .map(({ operations, ms }) => (operations / ms) * 1000)
  return rates.length === 0 ? undefined : median(rates)
}

function print(line, engines, figures) {
  const { bar } = WORKLOADS[line]
  const rates = Object.fromEntries(engines.map((engine) => [engine, rateOf(figures[engine])]))
  const best = Math.max(
    ...engines.filter((engine) => PEERS.includes(engine)).map((engine) => rates[engine] ?? 0),
  )
  const ratio = best > 0 && rates.varve !== undefined ? rates.varve / best : undefined
  const disturbed = Object.values(figures)
    .flat()
    .some(({ othersCores }) => othersCores > DISTURBED_FROM_CORES)
  const cells = engines.map((engine) => (rates[engine] === undefined ? '–' : short(rates[engine])))
  const verdict = ratio === undefined || bar === undefined ? '' : ratio >= bar ? 'holds' : 'MISSED'
  process.stdout.write(
    `| ${line} | ${cells.join(' | ')} | ${ratio?.toFixed(2) ?? '–'} | ${bar ?? ''} | ${verdict}${disturbed ? ' (disturbed)' : ''} |\n`,
  )
}

function short(rate) {
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(2)}M` : `${(rate / 1e3).toFixed(rate < 1e4 ? 1 : 0)}k`
}

function measureIn(line, engine, kind) {
  const child = fileURLToPath(new URL('./macro/child.mjs', import.meta.url))
  const { status, stdout, stderr } = spawnSync(process.execPath, [child, line, engine, kind], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  })
  if (status !== 0) return { isAbsent: true, why: stderr.trim().split('\n').slice(-6).join(' ') }
  const { figures, othersCores } = JSON.parse(stdout.split(JSON_MARK)[1])
  return { ...figures, othersCores }
}
