// main.mjs <program> <directory>: runs the check of a program and prints its verdict. It does not end the process: what the package
// leaves running would keep it alive, and is noticed that way.
import process from 'node:process'
import { firstSentence } from './sentence.mjs'

const [program, directory] = process.argv.slice(2)
try {
  const module = await import(`./${program}`)
  await module.check(directory)
  console.log('verdict: ok')
} catch (error) {
  console.log(`verdict: ${firstSentence(error)}`)
  process.exitCode = 1
}
