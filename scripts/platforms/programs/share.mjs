// A database in several threads at once, and what a host says that cannot.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { open } from 'varve'
import { expectSame } from './expect.mjs'

export async function check(directory) {
  const db = await open(join(directory, 'shared'), { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  await db.put('from', 'here')
  await db.flush()
  await db.compact()
  if (typeof Deno === 'object') {
    // Files that one thread opens are not another's there.
    const refusal = await db.share().catch(({ code }) => code)
    expectSame('what share() says', refusal, 'NOT_SUPPORTED')
  } else {
    const handle = await db.share()
    const worker = new Worker(new URL('./share-worker.mjs', import.meta.url), {
      workerData: { handle },
      transferList: handle.transfer,
    })
    const found = await new Promise((resolve, reject) => {
      worker.on('message', resolve)
      worker.on('error', reject)
    })
    expectSame('what the other thread found', found, 'here')
    expectSame('what the other thread wrote', db.getSync('there'), 'too')
  }
  const entries = db.countSync()
  await db.close()
  const again = await open(join(directory, 'shared'), { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  expectSame('how many entries there are after a reopen', again.countSync(), entries)
  await again.close()
}
