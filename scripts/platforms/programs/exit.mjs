// An open database does not keep its process alive, and what is buffered is handed over when that ends.
import { join } from 'node:path'
import { open } from 'varve'
import { output } from './child.mjs'
import { expectSame } from './expect.mjs'

export async function check(directory) {
  for (const ending of ['by itself', 'by process.exit']) {
    const path = join(directory, ending)
    expectSame(`a process that ended ${ending}`, await output('./exit-writer.mjs', path, ending), {
      code: 0,
      signal: null,
      stdout: 'written\n',
    })
    const database = await open(path, { keyEncoding: 'utf8', valueEncoding: 'utf8', createIfMissing: false })
    expectSame(`what it had buffered (${ending})`, await database.get('buffered'), 'grüße')
    await database.close()
  }
}
