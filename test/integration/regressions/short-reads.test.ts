import { describe, expect, it } from 'vitest'
import { openOn } from '../../../src/api/open.ts'
import { FaultyFileSystem } from '../../support/faulty.ts'

const options = { memoryLimit: 16 * 1024 * 1024, keyEncoding: 'utf8', valueEncoding: 'utf8' } as const

async function filledDatabase(): Promise<FaultyFileSystem> {
  const files = new FaultyFileSystem()
  const db = await openOn(files, options)
  for (let i = 0; i < 10; i++) db.putSync(`k${i}`, `v${i}`)
  await db.flush()
  await db.close()
  return files
}

// Found by io-errors: a read that gave less than the file has was taken for damage of that copy, so the other one, maybe older,
// counted; of a manifest, for the end of its edits.
describe('a read that is cut short while a database is opened', () => {
  it.each(['superblock-a', 'superblock-b', '.man'])(
    'of %s is an error of the host, not damage',
    async (name) => {
      const files = await filledDatabase()
      const before = files.snapshotFiles()
      let hits = 0
      files.onOperation = (_index, kind, file) => {
        if (kind !== 'read' || !file.endsWith(name)) return 'continue'
        hits++
        return { shortRead: 100 }
      }
      await expect(openOn(files, options)).rejects.toMatchObject({ code: 'IO' })
      expect(hits).toBe(1)
      files.onOperation = undefined
      expect(files.snapshotFiles()).toEqual(before)
      const db = await openOn(files, options)
      expect(db.recovery).toMatchObject({ droppedBytes: 0, reason: '' })
      expect(db.getSync('k9')).toBe('v9')
      await db.close()
    },
  )
})
