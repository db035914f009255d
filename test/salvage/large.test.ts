/** Salvage of more than fits memtables: everything is flushed and merged on the way, by the seqnos. */
import { expect, it } from 'vitest'
import { openOn } from '../../src/api/open.ts'
import { SMALL_MEMORY } from '../api/support.ts'
import { FaultyFileSystem } from '../support/faulty.ts'
import { mulberry32, pick } from '../support/random.ts'
import { named } from './damaged.ts'

const OPTIONS = {
  keyEncoding: 'utf8',
  valueEncoding: 'utf8',
  memoryLimit: SMALL_MEMORY,
  memtableSize: 65_536,
  threads: 0,
} as const

it.each(['leveled', 'fifo'] as const)(
  'a database of many tables whose manifest is lost, or whose tables all are damaged, has the newest of every key (%s)',
  { timeout: 120_000 },
  async (strategy) => {
    const files = new FaultyFileSystem()
    const compaction = strategy === 'fifo' ? ({ strategy: 'fifo', sizeLimit: 1e9 } as const) : {}
    const db = await openOn(files, { ...OPTIONS, compaction })
    const expected = new Map<string, string>()
    const random = mulberry32(7)
    for (let i = 0; i < 20_000; i++) {
      const key = `key${pick(random, 4000)}`
      if (pick(random, 10) < 2) {
        db.deleteSync(key)
        expected.delete(key)
      } else {
        const value = `${i} `.repeat(1 + pick(random, 40))
        db.putSync(key, value)
        expected.set(key, value)
      }
      if (i % 5000 === 4999) db.putSync('large', `${i}`.padEnd(100_000, 'x'))
    }
    expected.set('large', '19999'.padEnd(100_000, 'x'))
    for (let i = 0; i < 100; i++) {
      db.putSync(`weak${i}`, 'once')
      if (i % 2 === 0) db.deleteWeakSync(`weak${i}`)
      else expected.set(`weak${i}`, 'once')
    }
    await db.close()
    expect(named(files, '.sst').length).toBeGreaterThan(2)
    if (strategy === 'leveled') for (const name of named(files, '.man')) files.dropFile(name)
    else for (const name of named(files, '.sst')) files.flipBits(name, 40)
    const salvaged = await openOn(files, { ...OPTIONS, recovery: 'salvage' })
    expect(salvaged.recovery.salvage?.recoveredEntries).toBeGreaterThan(expected.size)
    expect(new Map(salvaged.rangeSync())).toEqual(expected)
    expect((await salvaged.verify()).problems).toEqual([])
    await salvaged.close()
    expect(files.openFileCount).toBe(0)
  },
)
