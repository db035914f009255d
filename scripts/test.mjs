// npm test: builds, then runs the test suites part by part, prints the seconds of each and closes with `N passed, N failed`.
// A skipped test counts as failed. `npm test -- unit` runs one part.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PARTS = [
  {
    name: 'unit',
    folders: [
      'test/kernel',
      'test/fs',
      'test/journal',
      'test/version',
      'test/table',
      'test/compaction',
      'test/verify',
      'test/salvage',
      'test/sync',
      'test/workers',
      'test/api',
      'test/archive',
      'test/page',
      'test/cli',
      'test/security',
      'test/bench',
    ],
  },
  { name: 'conformance', folders: ['test/conformance'] },
  { name: 'model', folders: ['test/model'] },
  { name: 'level', folders: ['test/level'] },
  { name: 'integration', folders: ['test/integration'] },
  { name: 'torture', folders: ['test/torture'] },
  { name: 'browser', folders: ['test/browser'], config: 'vitest.browser.config.ts' },
  { name: 'bundlers', folders: ['test/bundlers', 'test/demo'] },
  // The packed package on this Node.js; on the other runtimes, which are downloads: npm run test:platforms.
  { name: 'package', program: ['scripts/platforms.mjs', 'node20', 'packaging'] },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name))
if (unknown.length > 0) {
  process.stderr.write(
    `unknown part ${unknown.join(', ')}; known are ${PARTS.map((part) => part.name).join(', ')}\n`,
  )
  process.exit(2)
}

const times = []
/** Of each test that did not pass: `{ name, why }`, repeated at the end. */
const failures = []
let passed = 0
let failed = 0

function timed(name, step) {
  const start = performance.now()
  step()
  times.push([name, (performance.now() - start) / 1000])
}

function outcomeOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return { passed: 0, failures: [] }
  }
}

/** A program that closes with `N passed, N failed` itself. */
function runProgram(program) {
  const { stdout, status } = spawnSync(process.execPath, program, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  process.stdout.write(stdout)
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(stdout)
  passed += Number(counts?.[1] ?? 0)
  const bad = Math.max(Number(counts?.[2] ?? 1), status === 0 ? 0 : 1)
  failed += bad
  if (bad > 0) failures.push({ name: program.join(' '), why: `${bad} failed, see above` })
}

timed('build', () => {
  if (spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0) {
    process.stdout.write('the build failed\n0 passed, 1 failed\n')
    process.exit(1)
  }
})

const directory = mkdtempSync(join(tmpdir(), 'varve-test-'))
try {
  for (const { name, folders, program, config = 'vitest.config.ts' } of PARTS) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    timed(name, () => {
      if (program !== undefined) return runProgram(program)
      const file = join(directory, `${name}.json`)
      const { status, signal } = spawnSync(
        'npx',
        [
          '--no-install',
          'vitest',
          'run',
          `--config=${config}`,
          '--reporter=default',
          '--reporter=./scripts/test-outcome.mjs',
          ...folders,
        ],
        { stdio: 'inherit', env: { ...process.env, VARVE_TEST_OUTCOME: file } },
      )
      const outcome = outcomeOf(file)
      // A run that says no more than that it failed, or nothing at all, is a failure too.
      if (outcome.failures.length === 0 && status !== 0) {
        outcome.failures.push({ name, why: `vitest ended with ${signal ?? `code ${String(status)}`}` })
      }
      passed += outcome.passed
      failed += outcome.failures.length
      failures.push(...outcome.failures)
    })
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}

for (const { name, why } of failures) process.stdout.write(`\nfailed: ${name}\n${why}\n`)
process.stdout.write('\nseconds per part\n')
for (const [name, seconds] of times) process.stdout.write(`  ${name.padEnd(12)} ${seconds.toFixed(0)}\n`)
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exit(failed === 0 && passed > 0 ? 0 : 1)
