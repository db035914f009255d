// npm run bench -- writes | allocations | one-turn | tables | lz4 | compaction | level | concurrency | macro | micro | reference | browser | report [--rounds 5]
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import { machineNow, peerVersions, settings, varveVersion, writeResult } from './results.mjs'

const SUITES = [
  'writes',
  'allocations',
  'one-turn',
  'tables',
  'lz4',
  'compaction',
  'level',
  'concurrency',
  'macro',
  'micro',
  'reference',
  'browser',
]
/** No suite: it writes down what they left. */
const REPORT = 'report'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' } },
})
const rounds = Number(options.rounds)
const wanted = positionals.length === 0 ? SUITES : positionals.filter((name) => name !== REPORT)
const unknown = wanted.filter((name) => !SUITES.includes(name))
if (unknown.length > 0) {
  process.stderr.write(
    `unknown benchmark ${unknown.join(', ')}; known are ${[...SUITES, REPORT].join(', ')}\n`,
  )
  process.exit(2)
}

for (const suite of wanted) {
  const { run, added } = await import(`./${suite}.mjs`)
  const date = new Date().toISOString()
  const machine = machineNow()
  process.stdout.write(
    `\n${suite}: node ${machine.node}, ${machine.cores} × ${machine.cpu}, load ${machine.loadBefore.join(' ')}\n`,
  )
  const result = await run({ rounds })
  const record = {
    suite,
    date,
    machine,
    varve: varveVersion(),
    peers: peerVersions(),
    settings: settings(),
    rounds,
    result,
  }
  const file = writeResult(record, added)
  process.stdout.write(`\n→ ${relative(process.cwd(), file)}\n`)
}

if (positionals.includes(REPORT)) {
  const { writeReport } = await import('./report.mjs')
  for (const file of await writeReport()) process.stdout.write(`→ ${relative(process.cwd(), file)}\n`)
}
