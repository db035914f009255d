// A runtime with permissions of its own withholds what the package needs: it says so, and writes nothing.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { open } from 'varve'
import { expectCode, expectSame } from './expect.mjs'

export async function check(directory) {
  const error = await expectCode('open', 'NOT_SUPPORTED', () => open(join(directory, 'data')))
  const saysWhy = error.message.includes('the runtime does not permit it')
  expectSame(`whether it says why ("${error.message}")`, saysWhy, true)
  const files = readdirSync(directory, { recursive: true }).filter((name) => name !== 'data')
  expectSame('the files left behind', files, [])
}
