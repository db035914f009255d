// The demo: real data in, every way of reading it, two views at once, and a process killed in the middle of writing.
// Ends with 1 if anything it claims turns out to be wrong. Run it with `npm run demo`.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { open } from '../dist/index.js'
import { readCities } from './demo/cities.mjs'
import { crashAndRecover } from './demo/crash.mjs'
import { loadCities } from './demo/load.mjs'
import { lookUp } from './demo/look-up.mjs'
import { Report } from './demo/report.mjs'
import { compareViews, reopenAndCompare } from './demo/views.mjs'

const started = performance.now()
const directory = mkdtempSync(join(tmpdir(), 'varve-demo-'))
const removeDirectory = () => rmSync(directory, { recursive: true, force: true })
process.once('exit', removeDirectory)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const report = new Report()
const options = { keyEncoding: 'utf8', valueEncoding: 'json' }
const citiesDirectory = join(directory, 'cities')

const cities = readCities()
const database = await open(citiesDirectory, options)
await loadCities(database, cities, citiesDirectory, report)
await lookUp(database, cities, report)
const digest = await compareViews(database, cities, report)
await database.close()
await reopenAndCompare(() => open(citiesDirectory, options), digest, report)
await crashAndRecover(directory, report)

const seconds = ((performance.now() - started) / 1000).toFixed(1)
process.exitCode = report.conclude(seconds) ? 0 : 1
