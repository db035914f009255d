// Runs a program of test/torture in a process of its own: node child.mjs '{"file":…,"run":…,"options":…}'. The last line it prints says how it ended.
// An error that is no violation ends it with 1: that says nothing of the engine.
import { pathToFileURL } from 'node:url'

const { file, run, options } = JSON.parse(process.argv[2])
const program = (await import(pathToFileURL(file).href))[run]
let violation
try {
  await program(options)
} catch (error) {
  if (error?.name !== 'Violation') throw error
  violation = error.message
}
console.log(JSON.stringify({ violation }))
process.exit(0)
