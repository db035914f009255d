// npm run test:platforms: builds and packs the package, installs the tarball into projects of their own and uses it
// there on every runtime, as a user would; then checks its types and its packaging. Prints the seconds of each part and
// closes with `N passed, N failed`. `npm run test:platforms -- node20 deno packaging` runs these parts only.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkRuntime, createProjects } from './platforms/checks.mjs'
import { endAll, requireSuccess, run } from './platforms/process.mjs'
import { checkPackaging } from './platforms/packaging.mjs'
import { Report } from './platforms/report.mjs'
import { RUNTIMES, fetchRuntime } from './platforms/runtimes.mjs'

const PACKAGING = 'packaging'
const known = [...RUNTIMES.map(({ name }) => name), PACKAGING]
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !known.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`unknown part ${unknown.join(', ')}; known are ${known.join(', ')}\n`)
  process.exit(2)
}
const isWanted = (name) => wanted.length === 0 || wanted.includes(name)

const directory = mkdtempSync(join(tmpdir(), 'varve-platforms-'))
process.once('exit', () => {
  endAll()
  // What was killed just now may still be at its last file.
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

const report = new Report()
let tarball
let projects
const isInstalled = await report.part('package', async () => {
  await report.check('builds and packs', async () => {
    requireSuccess(await run('npm', ['run', '--silent', 'build']))
    const packed = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', directory])
    tarball = join(directory, JSON.parse(requireSuccess(packed).stdout)[0].filename)
  })
  await report.check('can be installed', async () => {
    projects = await createProjects(directory, tarball)
  })
})

if (isInstalled) {
  for (const runtime of RUNTIMES) {
    if (!isWanted(runtime.name)) continue
    await report.part(runtime.name, async () => {
      const home = join(directory, runtime.name)
      mkdirSync(home)
      let fetched
      await report.check('is there', async () => {
        fetched = await fetchRuntime(runtime, home)
        return fetched.title
      })
      if (fetched !== undefined) await checkRuntime(report, fetched, home, projects)
    })
  }
  if (isWanted(PACKAGING)) {
    await report.part(PACKAGING, () => checkPackaging(report, tarball, projects, join(directory, PACKAGING)))
  }
}
process.exit(report.conclude() ? 0 : 1)
