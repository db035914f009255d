// node test/level/tape.mjs varve | classic: abstract-level's suite on tape itself, as its authors run it, with the built package. Prints one
// line of JSON with the figures: assertions, databases, seconds, and what is open in the process at the beginning and at the end.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import suite from 'abstract-level/test/index.js'
import test from 'tape'

const engine = process.argv[2]
const Level =
  engine === 'classic'
    ? (await import('classic-level')).ClassicLevel
    : (await import('../../dist/level.js')).VarveLevel

const directory = mkdtempSync(join(tmpdir(), 'varve-tape-'))
let databases = 0
let assertions = 0
const failures = []
const before = openThings()
const start = performance.now()

const rows = test.createStream({ objectMode: true })
suite({ test, factory: (options) => new Level(join(directory, String(databases++)), options) })
rows.on('data', (row) => {
  if (row.type !== 'assert') return
  assertions++
  if (!row.ok) failures.push(row.name)
})
await new Promise((resolve) => rows.on('end', resolve))
const seconds = (performance.now() - start) / 1000

// What the suite itself forgets to close is closed when it is collected.
for (let round = 0; round < 10; round++) {
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
}
rmSync(directory, { recursive: true, force: true })
process.stdout.write(
  `${JSON.stringify({ engine, assertions, failures, databases, seconds, before, after: openThings() })}\n`,
)

function openThings() {
  const { rss } = process.memoryUsage()
  const handles = process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'Timeout' && name !== 'Immediate')
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    handles: handles.length,
    residentBytes: rss,
  }
}
