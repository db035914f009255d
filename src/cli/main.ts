#!/usr/bin/env node
import { outcomeOf } from './failure.ts'
import { createProgram } from './program.ts'

// Nobody reads what we complain about: that is no reason to fail in a different way.
process.stderr.on('error', () => undefined)

try {
  await createProgram().parseAsync(process.argv)
} catch (error) {
  const { exitCode, sentence } = outcomeOf(error)
  if (sentence !== '') process.stderr.write(`varve: ${sentence}\n`)
  process.exitCode = exitCode
}
