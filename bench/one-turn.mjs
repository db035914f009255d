import { open } from '../dist/index.js'
import { randomSource } from './data.mjs'
import { printTable, row, timed, timedSync, withDirectory } from './measure.mjs'

const OPERATIONS = 5_000_000
const MEMORY_BYTES = 64 * 1048576

/** 5,000,000 putSync in one turn of the event loop, without a thread, in 64 MiB: the writer flushes for itself. Then all keys are counted. */
export async function run() {
  const random = randomSource(5)
  const key = Buffer.alloc(16, '0')
  const value = Buffer.alloc(100, 'x')
  return withDirectory(async (directory) => {
    const db = await open(directory, { threads: 0, memoryLimit: MEMORY_BYTES })
    const expected = new Set()
    const milliseconds = timedSync(() => {
      for (let i = 0; i < OPERATIONS; i++) {
        // NOTE: unique: the lower digits are the number of the entry.
        const text = String(Math.floor(random() * 1e6)).padStart(6, '0') + String(i).padStart(10, '0')
        key.latin1Write(text, 0, 16)
        db.putSync(key, value)
        if (i % 100_000 === 0) expected.add(text)
      }
    })
    const settle = await timed(() => db.flush())
    let count = 0
    for (const found of db.keysSync()) {
      count++
      if (expected.size > 0) expected.delete(Buffer.from(found).toString('latin1'))
    }
    if (count !== OPERATIONS || expected.size > 0)
      throw new Error(`${count} entries found, ${expected.size} missing`)
    const { tables } = db.stats().keyspaces[0]
    await db.close()
    const rows = [
      row(`putSync in one turn (${tables} tables, all found)`, OPERATIONS, [milliseconds], undefined, [
        settle,
      ]),
    ]
    printTable(`one turn: ${OPERATIONS} entries of 16+100 B, threads 0, memoryLimit 64 MiB`, rows)
    return rows
  })
}
