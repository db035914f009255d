import { open } from '../dist/index.js'
import { halfCompressibleValues, sequentialKeys, shuffledKeys } from './data.mjs'
import { printTable, row, timed, timedSync, withDirectory } from './measure.mjs'

const OPERATIONS = 100_000

/** Writes and reads of 100,000 entries under durability `none`: memtable, boundary and nothing else. */
export async function run({ rounds }) {
  const random = shuffledKeys(OPERATIONS)
  const readOrder = shuffledKeys(OPERATIONS, 3)
  const sequential = sequentialKeys(OPERATIONS)
  const values = halfCompressibleValues(OPERATIONS)
  const times = { random: [], sequential: [], get: [], has: [], missing: [] }
  const settle = { random: [], sequential: [] }
  for (let round = 0; round < rounds; round++) {
    for (const [name, keys] of [
      ['random', random],
      ['sequential', sequential],
    ]) {
      await withDirectory(async (directory) => {
        const db = await open(directory, { durability: 'none', valueEncoding: 'buffer' })
        times[name].push(
          timedSync(() => {
            for (let i = 0; i < OPERATIONS; i++) db.putSync(keys[i], values[i])
          }),
        )
        if (name === 'random') {
          times.get.push(
            timedSync(() => {
              for (let i = 0; i < OPERATIONS; i++)
                if (db.getSync(readOrder[i]) === undefined) throw new Error('lost')
            }),
          )
          times.has.push(
            timedSync(() => {
              for (let i = 0; i < OPERATIONS; i++) if (!db.hasSync(readOrder[i])) throw new Error('lost')
            }),
          )
          const absent = readOrder.map((key) => Buffer.concat([key.subarray(0, 15), Buffer.from('!')]))
          times.missing.push(
            timedSync(() => {
              for (let i = 0; i < OPERATIONS; i++) if (db.hasSync(absent[i])) throw new Error('found')
            }),
          )
        }
        settle[name].push(await timed(() => db.flush()))
        await db.close()
      })
    }
  }
  const rows = [
    row('putSync, random', OPERATIONS, times.random, 1_200_000, settle.random),
    row('putSync, sequential', OPERATIONS, times.sequential, 1_500_000, settle.sequential),
    row('getSync', OPERATIONS, times.get, 1_000_000),
    row('hasSync', OPERATIONS, times.has),
    row('hasSync, missing', OPERATIONS, times.missing),
  ]
  printTable(`memtable: ${OPERATIONS} entries of 16+100 B, durability 'none', median of ${rounds}`, rows)
  return rows
}
