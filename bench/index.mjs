// npm run bench -- memtable | writes | allocations | one-turn | tables | lz4 | compaction | level | concurrency | macro | micro [--rounds 5] [--json file]
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'

const SUITES = [
  'memtable',
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
]

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, json: { type: 'string' } },
})
const wanted = positionals.length === 0 ? SUITES : positionals
const unknown = wanted.filter((name) => !SUITES.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(', ')}; known are ${SUITES.join(', ')}\n`)
  process.exit(2)
}

const machine = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  loadBefore: loadavg().map((load) => Number(load.toFixed(2))),
}
process.stdout.write(
  `node ${machine.node}, ${machine.cores} × ${machine.cpu}, load ${machine.loadBefore.join(' ')}\n`,
)

const results = {}
for (const name of wanted) {
  const { run } = await import(`./${name}.mjs`)
  results[name] = await run({ rounds: Number(options.rounds) })
}
const report = JSON.stringify({ date: new Date().toISOString(), machine, results }, null, 2)
if (options.json === undefined) process.stdout.write(`\n${report}\n`)
else writeFileSync(options.json, `${report}\n`)
