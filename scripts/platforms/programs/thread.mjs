// The package in a worker thread, beside the one in the main thread; each has a directory of its own.
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { open } from 'varve'
import { expectCode, expectSame } from './expect.mjs'

const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' }
const ENTRIES = 2000

export async function check(directory) {
  const theirs = join(directory, 'theirs')
  const ours = await open(join(directory, 'ours'), text)
  const worker = new Worker(new URL('./thread-worker.mjs', import.meta.url), {
    workerData: { path: theirs, ENTRIES },
  })
  const exited = new Promise((resolve) => worker.once('exit', resolve))
  const opened = nextMessage(worker)
  for (let at = 0; at < ENTRIES; at++) await ours.put(`ours ${at}`, `${at}`)
  expectSame('what the thread says first', await opened, { count: ENTRIES })
  await expectCode('opening what the thread has open', 'LOCKED', () => open(theirs, text))
  const closed = nextMessage(worker)
  worker.postMessage('close')
  expectSame('what the thread says in the end', await closed, 'closed')
  await exited
  const database = await open(theirs, text)
  expectSame('what the thread wrote', await database.get(`theirs ${ENTRIES - 1}`), `grüße ${ENTRIES - 1}`)
  await database.close()
  expectSame('what the main thread wrote', await ours.count(), ENTRIES)
  await ours.close()
}

function nextMessage(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}
