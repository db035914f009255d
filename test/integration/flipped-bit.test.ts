/** One flipped bit is told with its place: who can tell what wrote it, or which memory is bad, is helped by that. */
import { expect, it } from 'vitest'
import type { FileSystem } from '../../src/fs/filesystem.ts'
import { memoryFileSystem } from '../../src/fs/memory.ts'
import { mulberry32 } from '../support/random.ts'
import { expectCode, openBytes } from '../api/support.ts'

async function flip(fileSystem: FileSystem, name: string, position: number, bit: number): Promise<void> {
  const file = await fileSystem.open(name, true)
  const byte = new Uint8Array(1)
  file.read(byte, position)
  byte[0] = (byte[0] as number) ^ (1 << bit)
  file.write(byte, 0, 1, position)
  file.close()
}

async function fileOf(fileSystem: FileSystem, extension: string): Promise<string> {
  const names = (await fileSystem.list()).filter((name) => name.endsWith(extension))
  expect(names).toHaveLength(1)
  return names[0] as string
}

it('is named in a block of a table', async () => {
  const fileSystem = memoryFileSystem()
  const random = mulberry32(5)
  const db = await openBytes({}, fileSystem)
  for (let i = 0; i < 1000; i++)
    db.putSync(
      `key ${i}`,
      new Uint8Array(50).map(() => random() * 256),
    )
  db.flushSync()
  await db.close()
  const table = await fileOf(fileSystem, '.sst')
  for (const [position, bit] of [
    [70, 0],
    [1500, 7],
    [4000, 3],
  ] as const) {
    await flip(fileSystem, table, position, bit)
    const damaged = await openBytes({}, fileSystem)
    const error = await expectCode('CORRUPT', () => [...damaged.rangeSync()])
    expect(error.message).toContain(`(bit ${bit} of the byte at ${position} is flipped)`)
    await damaged.close()
    await flip(fileSystem, table, position, bit)
  }
})

it('is not named if there are two', async () => {
  const fileSystem = memoryFileSystem()
  const db = await openBytes({}, fileSystem)
  for (let i = 0; i < 100; i++) db.putSync(`key ${i}`, `value ${i}`)
  db.flushSync()
  await db.close()
  const table = await fileOf(fileSystem, '.sst')
  await flip(fileSystem, table, 100, 0)
  await flip(fileSystem, table, 101, 0)
  const damaged = await openBytes({}, fileSystem)
  const error = await expectCode('CORRUPT', () => [...damaged.rangeSync()])
  expect(error.message).not.toContain('is flipped')
  await damaged.close()
})

it('is named in a frame of the log', async () => {
  const fileSystem = memoryFileSystem()
  const db = await openBytes({}, fileSystem)
  for (let i = 0; i < 10; i++) db.putSync(`key ${i}`, `value ${i}`, { durability: 'sync' })
  await db.close()
  const journal = await fileOf(fileSystem, '.wal')
  // In the payload of the first frame: behind the journal's header of 128 bytes and the frame's own.
  await flip(fileSystem, journal, 128 + 60, 2)
  const error = await expectCode('CORRUPT', () => openBytes({}, fileSystem))
  expect(error.message).toContain(`(bit 2 of the byte at ${128 + 60} is flipped)`)
  expect(error.file).toBe(journal)
})
