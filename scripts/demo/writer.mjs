// Writes turn after turn until it is killed, and prints the number of turns acknowledged after each.
import { writeSync } from 'node:fs'
import { open } from '../../dist/index.js'
import { describeTurn, encodings } from './turns.mjs'

const pause = new Int32Array(new SharedArrayBuffer(4))
const database = await open(process.argv[2], { ...encodings, durability: 'os' })
const ledger = await database.keyspace('ledger', encodings)

// Goes on behind the last complete turn of an earlier life; the one after it may be half there.
let turn = 0
while ((await ledger.get(`credit ${turn}`)) !== undefined) turn++

for (; ; turn++) {
  const { entries, transfer } = describeTurn(turn)
  const puts = entries.map(([key, value]) => database.put(key, value))
  const [debit, credit] = transfer
  const batch = database
    .batch()
    .put(ledger, ...debit)
    .put(ledger, ...credit)
  await Promise.all([...puts, batch.commit()])
  report(turn + 1)
}

/** Synchronous, so that nothing reported can be lost with this process. */
function report(turns) {
  for (;;) {
    try {
      writeSync(1, `${turns}\n`)
      return
    } catch (error) {
      // NOTE: from Node.js 22 on the pipe does not block; its reader is behind.
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(pause, 0, 0, 1)
    }
  }
}
