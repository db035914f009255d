// One column of one line, in a process of its own: child.mjs <file with the line> <column>
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { measured, noteOwn, othersCores } from '../concurrency/machine.mjs'
import { report } from '../concurrency/rounds.mjs'
import { measureBoundary } from './boundary.mjs'
import { measureColumn } from './column.mjs'

const [file, column] = process.argv.slice(2)
const line = JSON.parse(readFileSync(file, 'utf8'))
const measure = {
  wasm: () => measureColumn('wasm', { ...line, image: readFileSync(line.image) }),
  twin: () => measureColumn('twin', { ...line, image: readFileSync(line.image) }),
  native: () => measureNative(line),
  boundary: () => measureBoundary(line),
}[column]
const figures = await measured(measure)
report(figures, othersCores())
process.exit(0)

function measureNative({ native, image, imageAt, operations, warmMs, timedMs, output = [0, 0], ...rest }) {
  const { run, prepare = [], before = [], threads = 0 } = rest
  const given = [image, imageAt, operations, warmMs, timedMs, ...output, ...run]
  if (prepare.length > 0) given.push('prepare', ...prepare)
  if (before.length > 0) given.push('before', ...before)
  if (threads > 0) given.push('threads', threads)
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(native, given.map(String), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${native}: ${stderr}`)
  noteOwn((performance.now() - start) * Math.max(1, threads))
  return JSON.parse(stdout)
}
