import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BENCH = new URL('.', import.meta.url)
const FOLDER = fileURLToPath(new URL('../build/bench/', BENCH))

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
  return Object.fromEntries(
    Object.keys(dependencies).flatMap((name) => {
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

function read(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}
