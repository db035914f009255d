import { describe, expect, it } from 'vitest'
import { expectCode, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { withSmallLevels } from '../../support/small-compactions.ts'
import { filesEnding } from './support.ts'

describe('a compaction in the background that comes across a damaged block', () => {
  it('is not tried again and again, says so once, and leaves the rest readable', async () => {
    const fileSystem = new FaultyFileSystem()
    const before = await openText(fileSystem)
    for (let i = 0; i < 500; i++) before.putSync(`key ${1000 + i}`, 'x'.repeat(50))
    before.flushSync()
    await before.close()
    const [first = ''] = filesEnding(fileSystem, '.sst')
    fileSystem.flipBits(first, 100)
    const db = withSmallLevels(await openText(fileSystem, { threads: 0 }))
    const errors: unknown[] = []
    db.on('backgroundError', ({ error }) => errors.push(error))
    db.putSync('key 1250', 'newer')
    db.flushSync()
    const readsBefore = fileSystem.log.length
    await new Promise((resolve) => setTimeout(resolve, 300))
    const reads = fileSystem.log
      .slice(readsBefore)
      .filter(({ kind, name }) => kind === 'read' && name === first)
    expect(errors).toMatchObject([{ code: 'CORRUPT', file: first }])
    expect(reads.length).toBeLessThan(5)
    expect(db.getSync('key 1250')).toBe('newer')
    expect(db.getSync('key 1499')).toBe('x'.repeat(50))
    db.putSync('key 1000', 'goes on')
    expect(db.getSync('key 1000')).toBe('goes on')
    await db.close()
  })
})

describe('a data block whose kind is another one on the disk', () => {
  it.each([2, 8, 9, 0])('%d: nothing that rewrites its table leaves it out', async (kind) => {
    const fileSystem = new FaultyFileSystem()
    const before = await openText(fileSystem)
    for (let i = 0; i < 500; i++) before.putSync(`key ${1000 + i}`, 'x'.repeat(50))
    before.flushSync()
    before.putSync('key 1000', 'newer')
    before.flushSync()
    await before.close()
    const [first = ''] = filesEnding(fileSystem, '.sst').sort()
    fileSystem.flipBits(first, 64, 1 ^ kind)
    const db = await openText(fileSystem)
    for (const rewrite of [
      () => db.compactSync(),
      () => db.compact(),
      () => db.dropRangeSync({ gte: 'key 1400' }),
    ]) {
      const error = await expectCode('CORRUPT', rewrite)
      expect(error.file).toBe(first)
    }
    await expectCode('CORRUPT', () => db.getSync('key 1001'))
    expect(db.getSync('key 1499')).toBe('x'.repeat(50))
    await db.close()
  })
})
