import { describe, expect, it } from 'vitest'
import { openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { engineOf, freePages, keeperOf, turn } from './support.ts'

describe('with the smallest memory', () => {
  it('writes go on beside a compaction that reads many runs', async () => {
    const db = await openText(new FaultyFileSystem())
    const { kernel, events } = engineOf(db)
    for (let run = 0; run < 40; run++) {
      for (let i = 0; i < 100; i++) db.putSync(`${i}`, `${run} ${'x'.repeat(100)}`)
      db.flushSync()
    }
    // Other users of memory: blocks, records of tables, cursors.
    const taken = Array.from({ length: freePages(db) - 70 }, () => kernel.page())
    keeperOf(db).compactor.sliceMs = 0
    let compactions = 0
    events.on('compaction', () => compactions++)
    while (freePages(db) > 40) await turn()
    expect(compactions).toBe(0)
    for (let i = 0; i < 3000; i++) db.putSync(`new ${i}`, 'x'.repeat(1000))
    for (const page of taken) kernel.exports.freePage(page)
    await db.compact()
    expect(compactions).toBeGreaterThan(0)
    expect(db.getSync('5')).toBe(`39 ${'x'.repeat(100)}`)
    expect(db.getSync('new 2999')).toBe('x'.repeat(1000))
    await db.close()
  })
})
