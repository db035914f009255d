// A project without abstract-level: the package works, and what needs it says so.
import { join } from 'node:path'
import { open } from 'varve'
import { expectSame } from './expect.mjs'

export async function check(directory) {
  const database = await open(join(directory, 'data'))
  await database.close()
  const message = await import('varve/level').then(
    () => 'nothing',
    (error) => error.message,
  )
  expectSame(
    `naming the missing package, which import('varve/level') should do (it says: ${message})`,
    message.includes('abstract-level'),
    true,
  )
}
