// main.mjs <program> <directory>: runs the check of a program and prints its verdict. It does not end the process: what
// the package leaves running would keep it alive, and is noticed that way.
import process from 'node:process'
import { expectSame } from './expect.mjs'
import { firstSentence } from './sentence.mjs'

const [program, directory] = process.argv.slice(2)
try {
  expectSame('the runtime', ownTitle(process.versions), process.env.VARVE_RUNTIME_TITLE)
  const module = await import(`./${program}`)
  await module.check(directory)
  console.log('verdict: ok')
} catch (error) {
  console.log(`verdict: ${firstSentence(error)}`)
  process.exitCode = 1
}

/** Bun and Deno tell the version of Node.js, too, that they want to be like. */
function ownTitle({ bun, deno, node }) {
  if (bun !== undefined) return `Bun ${bun}`
  if (deno !== undefined) return `Deno ${deno}`
  return `Node.js ${node}`
}
