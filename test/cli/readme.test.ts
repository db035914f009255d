import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { temporaryPath } from './support.ts'

const run = promisify(execFile)

it('the first snippet of README.md prints what it says', async () => {
  const readme = await readFile('README.md', 'utf8')
  const snippet = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const [, expected] = /console\.log\(.*\) \/\/ (.*)\n/.exec(snippet) ?? []
  const program = snippet.replace("'./data'", JSON.stringify(await temporaryPath()))
  // The package finds itself by its name through its own export map.
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program])
  expect(expected).toBeDefined()
  expect(stdout).toBe(`${expected}\n`)
})
