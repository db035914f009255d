import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `use` with a directory of its own, which goes afterwards. `VARVE_BENCH_DIR` chooses the disk. */
export async function withDirectory(use) {
  const directory = mkdtempSync(join(process.env.VARVE_BENCH_DIR ?? tmpdir(), 'varve-bench-'))
  try {
    return await use(join(directory, 'db'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]
}

/** Milliseconds that `step` took, to its last acknowledgement. */
export async function timed(step) {
  const start = performance.now()
  await step()
  return performance.now() - start
}

/** The same for a step without anything to await, so that none is paid for. */
export function timedSync(step) {
  const start = performance.now()
  step()
  return performance.now() - start
}

export function formatRate(operationsPerSecond) {
  return operationsPerSecond >= 1e6
    ? `${(operationsPerSecond / 1e6).toFixed(2)} M/s`
    : `${(operationsPerSecond / 1e3).toFixed(0)} k/s`
}

/** One row of a result: rates of all rounds, median first. */
export function row(name, operations, milliseconds, bar, settleMilliseconds = []) {
  const rates = milliseconds.map((ms) => (operations / ms) * 1000)
  return {
    name,
    operations,
    operationsPerSecond: Math.round(median(rates)),
    lowest: Math.round(Math.min(...rates)),
    highest: Math.round(Math.max(...rates)),
    settleSeconds: settleMilliseconds.length === 0 ? undefined : median(settleMilliseconds) / 1000,
    bar,
  }
}

export function printTable(title, rows) {
  process.stdout.write(`\n${title}\n\n`)
  process.stdout.write(
    '| workload | median | lowest | highest | settled after | bar | |\n|---|--:|--:|--:|--:|--:|---|\n',
  )
  for (const { name, operationsPerSecond, lowest, highest, settleSeconds, bar } of rows) {
    const cells = [
      name,
      formatRate(operationsPerSecond),
      formatRate(lowest),
      formatRate(highest),
      settleSeconds === undefined ? '' : `${settleSeconds.toFixed(2)} s`,
      bar === undefined ? '' : formatRate(bar),
      bar === undefined ? '' : operationsPerSecond >= bar ? 'reached' : 'MISSED',
    ]
    process.stdout.write(`| ${cells.join(' | ')} |\n`)
  }
}
