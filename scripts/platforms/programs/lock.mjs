// A database has one owner: another opener is told so at once, in this process and in a second one.
import { join } from 'node:path'
import process from 'node:process'
import { open } from 'varve'
import { output } from './child.mjs'
import { expectCode, expectSame } from './expect.mjs'

export async function check(directory) {
  // Socket addresses have room for some 100 bytes; a longer path takes another way.
  for (const name of ['short', 'long'.repeat(30)]) {
    const path = join(directory, name)
    const database = await open(path)
    await expectCode('a second open in this process', 'LOCKED', () => open(path))
    const refused = await output('./lock-second.mjs', path)
    expectSame('what a second process gets', refused, {
      code: 0,
      signal: null,
      stdout: `LOCKED by ${process.pid}\n`,
    })
    await database.put('still', 'ours')
    await database.close()
    const admitted = await output('./lock-second.mjs', path)
    expectSame('what a second process gets after close()', admitted, {
      code: 0,
      signal: null,
      stdout: 'opened\n',
    })
  }
}
