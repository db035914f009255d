import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BENCH = new URL('.', import.meta.url)
const FOLDER = fileURLToPath(new URL('../build/bench/', BENCH))
const REPORTED = fileURLToPath(new URL('reported/', BENCH))
/** Draws the report; no engine. */
const CHART_LIBRARY = 'echarts'
/** What names a place on this machine is nobody else's business. */
const SETTINGS_OF_PLACES = ['VARVE_BENCH_DIR', 'VARVE_BENCH_REFERENCE']

/** What a figure depends on besides the code that is measured. */
export function machineNow() {
  return {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    fileSystem: fileSystemOf(process.env.VARVE_BENCH_DIR ?? tmpdir()),
    loadBefore: loadavg().map((load) => Number(load.toFixed(2))),
  }
}

/** The kind of file system that a folder is on. Undefined where the host does not tell. */
function fileSystemOf(folder) {
  try {
    const place = realpathSync(folder)
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, at]) => at !== undefined && (at === '/' || `${place}/`.startsWith(`${at}/`)))
    // NOTE: of two mounts on one place the later one is seen.
    return mounts.reduce((best, mount) => (mount[1].length >= best[1].length ? mount : best))[2]
  } catch {
    return undefined
  }
}

/** Which varve is measured. */
export function varveVersion() {
  const { version } = read(fileURLToPath(new URL('../package.json', BENCH)))
  return { version, revision: revision() }
}

function revision() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*'], {
      cwd: BENCH,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return undefined
  }
}

/** Versions of the engines that are installed. */
export function peerVersions() {
  const { dependencies } = read(fileURLToPath(new URL('package.json', BENCH)))
  return Object.fromEntries(
    Object.keys(dependencies)
      .filter((name) => name !== CHART_LIBRARY)
      .flatMap((name) => {
        try {
          return [[name, read(fileURLToPath(new URL(`node_modules/${name}/package.json`, BENCH))).version]]
        } catch {
          return []
        }
      }),
  )
}

/** The environment variables that choose what a suite does. */
export function settings() {
  return Object.fromEntries(
    Object.entries(process.env)
      .filter(([name]) => name.startsWith('VARVE_BENCH_') && !SETTINGS_OF_PLACES.includes(name))
      .sort(),
  )
}

/**
 * Leaves what a suite found: its last, for each kind of data if it has several. `added`: makes one of what was left before and of this, where a suite may be run in parts.
 * @returns the file's path
 */
export function writeResult(record, added = (_, now) => now) {
  mkdirSync(FOLDER, { recursive: true })
  const { kind } = record.result
  const name = kind === undefined ? record.suite : `${record.suite}-${kind}`
  const file = join(FOLDER, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(added(readResult(name), record), null, 2)}\n`)
  return file
}

/** What was left under that name. Undefined if nothing was. */
export function readResult(name, folder = FOLDER) {
  try {
    return read(join(folder, `${name}.json`))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** What was left under that name here, else what the last report was made of: then the report can be made again where only some suites ran. It is kept for the next one. */
export function reportedResult(name) {
  const record = readResult(name) ?? readResult(name, REPORTED)
  if (record === undefined) return undefined
  mkdirSync(REPORTED, { recursive: true })
  writeFileSync(join(REPORTED, `${name}.json`), `${JSON.stringify(record)}\n`)
  return record
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
