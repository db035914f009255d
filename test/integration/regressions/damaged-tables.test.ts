import { describe, expect, it } from 'vitest'
import { expectCode, openText } from '../../api/support.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'
import { filesEnding } from './support.ts'

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
