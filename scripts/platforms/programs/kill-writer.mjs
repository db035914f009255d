// Writes entry after entry until it is killed, and prints after each how many are acknowledged.
import { writeSync } from 'node:fs'
import process from 'node:process'
import { open } from 'varve'

const pause = new Int32Array(new SharedArrayBuffer(4))
const text = { keyEncoding: 'utf8', valueEncoding: 'utf8' }
const [path, first] = process.argv.slice(2)
const database = await open(path, text)
const twins = await database.keyspace('twins', text)
for (let at = Number(first); ; at++) {
  await database.batch().put(`entry ${at}`, `grüße ${at}`).put(twins, `entry ${at}`, `${at}`).commit()
  report(at + 1)
}

/** Synchronous, so that nothing reported can be lost with this process. */
function report(acknowledged) {
  for (;;) {
    try {
      writeSync(1, `${acknowledged}\n`)
      return
    } catch (error) {
      // NOTE: from Node.js 22 on the pipe does not block; its reader is behind.
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}
