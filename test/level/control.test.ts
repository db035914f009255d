// The suite once more, on tape itself and on the built package, beside classic-level on the same machine: as many assertions, and how long each took.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { SUITE_ASSERTIONS } from './suite-figures.ts'

interface Figures {
  assertions: number
  failures: string[]
  databases: number
  seconds: number
  before: { threads: number; handles: number; descriptors: number }
  after: { threads: number; handles: number; descriptors: number }
}

async function onTape(engine: 'varve' | 'classic'): Promise<Figures> {
  const program = join(import.meta.dirname, 'tape.mjs')
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', program, engine])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Figures
}

test('on tape varve/level passes as many assertions as classic-level', async () => {
  // NOTE: side by side, so that what else runs on the machine slows both down.
  const [classic, varve] = await Promise.all([onTape('classic'), onTape('varve')])
  const ratio = varve.seconds / classic.seconds
  const seconds = `${varve.seconds.toFixed(1)} s, classic-level ${classic.seconds.toFixed(1)} s`
  console.log(
    `abstract-level's suite on tape: varve/level ${varve.assertions} assertions, classic-level ${classic.assertions}; ` +
      `${varve.databases} databases: ${seconds}, ratio ${ratio.toFixed(2)}`,
  )
  expect(classic).toMatchObject({ assertions: SUITE_ASSERTIONS, failures: [] })
  expect(varve).toMatchObject({ assertions: SUITE_ASSERTIONS, failures: [], databases: classic.databases })
  // NOTE: the suite forgets to close some databases, and some of these are held by its modules to the end: five descriptors each.
  expect(varve.after.descriptors).toBeLessThan(varve.before.descriptors + 250)
  expect(varve.after.threads).toBeLessThanOrEqual(varve.before.threads + 1)
  expect(varve.after.handles).toBeLessThanOrEqual(varve.before.handles + 50)
})
