/** verify() while others change what it is about to read: that can happen wherever it opens a file. */
import { describe, expect, it } from 'vitest'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { engineOf, keeperOf } from '../integration/regressions/support.ts'
import { expectCode, openText } from './support.ts'

/** Before the first file of a name is opened, `step` is done. */
function beforeOpening(disk: FileSystem, part: string, step: () => Promise<void>): void {
  const open = disk.open.bind(disk)
  let done = false
  disk.open = async (name, writable) => {
    if (!done && name.includes(part)) {
      done = true
      await step()
    }
    return open(name, writable)
  }
}

const FILES = ['superblock-a', 'superblock-b', '.man', '.wal']

describe('verify', () => {
  it.each(FILES)('finds nothing where superblock and manifest change before it opens %s', async (part) => {
    const disk = memoryFileSystem()
    const db = await openText(disk)
    db.putSync('a', '1')
    db.flushSync()
    const { catalog } = keeperOf(db)
    const { manifestId } = catalog
    beforeOpening(disk, part, async () => {
      for (let i = 0; i < 3; i++) {
        db.putSync('a', String(i))
        db.flushSync()
        db.clearSync()
      }
      for (let i = 0; catalog.manifestId === manifestId; i++) db.keyspaceSync(`${i}`.padStart(200, '-'))
    })
    const { problems } = await db.verify()
    expect(problems).toEqual([])
    expect(catalog.manifestId).not.toBe(manifestId)
    await db.close()
  })

  it.each(FILES)('ends with CLOSED when the database is closed before it opens %s', async (part) => {
    const disk = memoryFileSystem()
    const db = await openText(disk)
    db.putSync('a', '1')
    db.flushSync()
    const { kernel } = engineOf(db)
    let left = new Uint8Array(0)
    beforeOpening(disk, part, async () => {
      await db.close()
      left = kernel.u8.slice()
    })
    await expectCode('CLOSED', () => db.verify())
    // The next database may have the memory by now.
    expect(Buffer.compare(kernel.u8, left)).toBe(0)
  })
})
