import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BENCH = new URL('.', import.meta.url)
const FOLDER = fileURLToPath(new URL('../build/bench/', BENCH))
/** Dependencies of the suites that are no engines. */
const TOOLS = ['echarts']

/** What a figure depends on besides the code that is measured. */
export function machineNow() {
  return {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    kernel: release(),
    loadBefore: loadavg().map((load) => Number(load.toFixed(2))),
  }
}

/** Versions of the engines that are installed. */
export function peerVersions() {
  const { dependencies } = read(fileURLToPath(new URL('package.json', BENCH)))
  const names = Object.keys(dependencies).filter((name) => !TOOLS.includes(name))
  return Object.fromEntries(
    names.flatMap((name) => {
      try {
        return [[name, read(fileURLToPath(new URL(`node_modules/${name}/package.json`, BENCH))).version]]
      } catch {
        return []
      }
    }),
  )
}

/** Leaves what a suite found: its last, for each kind of data if it has several. @returns the file's path */
export function writeResult(record) {
  mkdirSync(FOLDER, { recursive: true })
  const { kind } = record.result
  const file = join(FOLDER, `${kind === undefined ? record.suite : `${record.suite}-${kind}`}.json`)
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`)
  return file
}

/** All that suites have left, by the name of the file. */
export function readResults() {
  mkdirSync(FOLDER, { recursive: true })
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
  return new Map(files.sort().map((name) => [name.slice(0, -'.json'.length), read(join(FOLDER, name))]))
}

/** @returns the file's path */
export function writePage(name, text) {
  mkdirSync(FOLDER, { recursive: true })
  const file = join(FOLDER, name)
  writeFileSync(file, text)
  return file
}

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
